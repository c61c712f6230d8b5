"""The requests about domains, in the SDK's words. Imports the SDK: load it late."""

from msgraph import GraphServiceClient
from msgraph.generated.models.domain import Domain

from bascule.adapters.graph.answers import Json, json_answer


async def domains(graph: GraphServiceClient, link: str) -> Json:
    """GET /domains, or the page that `link` leads to."""
    builder = graph.domains.with_url(link) if link else graph.domains
    return await json_answer(graph, builder.to_get_request_information())


async def domain(graph: GraphServiceClient, name: str) -> Json:
    """GET /domains/{name}."""
    return await json_answer(graph, graph.domains.by_domain_id(name).to_get_request_information())


async def new_domain(graph: GraphServiceClient, name: str) -> Json:
    """POST /domains; the name is the only property that can be set."""
    ask = graph.domains.to_post_request_information(Domain(id=name))
    return await json_answer(graph, ask)


async def services(graph: GraphServiceClient, name: str, wanted: list[str]) -> None:
    """PATCH /domains/{name}."""
    builder = graph.domains.by_domain_id(name)
    ask = builder.to_patch_request_information(Domain(supported_services=wanted))
    await json_answer(graph, ask)


async def verify(graph: GraphServiceClient, name: str) -> Json:
    """POST /domains/{name}/verify, without a body."""
    builder = graph.domains.by_domain_id(name).verify
    return await json_answer(graph, builder.to_post_request_information())


async def verification_records(graph: GraphServiceClient, name: str, link: str) -> Json:
    """GET /domains/{name}/verificationDnsRecords."""
    builder = graph.domains.by_domain_id(name).verification_dns_records
    at = builder.with_url(link) if link else builder
    return await json_answer(graph, at.to_get_request_information())


async def service_records(graph: GraphServiceClient, name: str, link: str) -> Json:
    """GET /domains/{name}/serviceConfigurationRecords."""
    builder = graph.domains.by_domain_id(name).service_configuration_records
    at = builder.with_url(link) if link else builder
    return await json_answer(graph, at.to_get_request_information())
