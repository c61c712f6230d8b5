"""Domains and the organisation over Graph.

Source: Microsoft Graph, "domain resource type", "Create domain", "domain: verify", "List verificationDnsRecords",
"List serviceConfigurationRecords", "List organization".
"""

import uuid

from sandbox.faces import graph_errors as errors
from sandbox.faces.graph_licences import ORGANIZATION_READERS
from sandbox.faces.graph_operations import Operation
from sandbox.faces.graph_wire import Call, Json, Reply, without_annotations
from sandbox.world.domains import Domain

DOMAIN_WRITERS = frozenset({"Domain.ReadWrite.All"})
DOMAIN_READERS = frozenset({"Domain.Read.All", "Directory.Read.All", *DOMAIN_WRITERS})
RECORD_TTL_S = 3600
# The preference no mail server would ever use: the record only proves who owns the domain.
PROOF_PREFERENCE = 32767


def list_domains(call: Call) -> Reply:
    """All domains in one page."""
    value = [_domain(domain) for domain in call.world.tenant.directory.domains.all()]
    return Reply(200, {"@odata.context": call.context("domains"), "value": value})


def get_domain(call: Call) -> Reply:
    """One domain by name."""
    return _entity(call, 200, call.world.tenant.directory.domains.get(call.names["domain"]))


def add_domain(call: Call) -> Reply:
    """A new domain, not verified; `id` is the only property a caller may set."""
    body = without_annotations(call.json())
    name = body.get("id")
    if set(body) != {"id"} or not isinstance(name, str) or "." not in name:
        raise errors.bad_request(
            "One or more properties contains invalid values.", "Request_BadRequest"
        )
    return _entity(call, 201, call.world.tenant.directory.domains.add(name))


def change_domain(call: Call) -> Reply:
    """Say which services use the domain."""
    body = without_annotations(call.json())
    services = body.get("supportedServices")
    if set(body) != {"supportedServices"} or not isinstance(services, list):
        raise errors.bad_request(
            "One or more properties contains invalid values.", "Request_BadRequest"
        )
    call.world.tenant.directory.domains.set_services(call.names["domain"], tuple(services))
    return Reply(204)


def verify_domain(call: Call) -> Reply:
    """Look for the proof in DNS; 400 while it is not visible."""
    return _entity(call, 200, call.world.tenant.directory.domains.verify(call.names["domain"]))


def verification_records(call: Call) -> Reply:
    """The two records of which either proves ownership."""
    domains = call.world.tenant.directory.domains
    domain = domains.get(call.names["domain"])
    text = domains.verification_text(domain.name)
    exchanger = f"{text.partition('=')[2]}.msv1.invalid"
    value = [
        {**_record("Txt", domain.name, domain.name), "text": text},
        {
            **_record("Mx", domain.name, domain.name),
            "mailExchange": exchanger,
            "preference": PROOF_PREFERENCE,
        },
    ]
    return _records(call, "verificationDnsRecords", domain, value)


def service_records(call: Call) -> Reply:
    """What to publish so that the services work; nothing for services the domain is not used for."""
    domain = call.world.tenant.directory.domains.get(call.names["domain"])
    value: list[Json] = []
    if "Email" in domain.supported_services and not domain.is_initial:
        exchanger = f"{domain.name.replace('.', '-')}.mail.protection.outlook.com"
        value = [
            {**_record("Mx", domain.name, domain.name), "mailExchange": exchanger, "preference": 0},
            {
                **_record("Txt", domain.name, domain.name),
                "text": "v=spf1 include:spf.protection.outlook.com -all",
            },
            {
                **_record("CName", domain.name, f"autodiscover.{domain.name}"),
                "canonicalName": "autodiscover.outlook.com",
            },
        ]
    return _records(call, "serviceConfigurationRecords", domain, value)


def list_organization(call: Call) -> Reply:
    """The tenant itself, a list of one."""
    tenant = call.world.tenant
    verified = [domain for domain in tenant.directory.domains.all() if domain.is_verified]
    value = {
        "id": tenant.tenant_id,
        "displayName": tenant.initial_domain.partition(".")[0],
        "onPremisesSyncEnabled": tenant.is_synchronised,
        "verifiedDomains": [
            {
                "capabilities": ", ".join(domain.supported_services),
                "isDefault": domain.is_default,
                "isInitial": domain.is_initial,
                "name": domain.name,
                "type": domain.authentication_type,
            }
            for domain in verified
        ],
    }
    return Reply(200, {"@odata.context": call.context("organization"), "value": [value]})


def _domain(domain: Domain) -> Json:
    return {
        "authenticationType": domain.authentication_type,
        "availabilityStatus": None,
        "id": domain.name,
        "isAdminManaged": True,
        "isDefault": domain.is_default,
        "isInitial": domain.is_initial,
        "isRoot": domain.name.count(".") == 1 or domain.is_initial,
        "isVerified": domain.is_verified,
        "supportedServices": list(domain.supported_services),
        "state": None,
    }


def _entity(call: Call, status: int, domain: Domain) -> Reply:
    return Reply(status, {"@odata.context": call.context("domains/$entity"), **_domain(domain)})


def _record(kind: str, domain: str, label: str) -> Json:
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, f"{kind}.{label}.{domain}")
    return {
        "@odata.type": f"#microsoft.graph.domainDns{kind.capitalize()}Record",
        "id": str(identity),
        "isOptional": False,
        "label": label,
        "recordType": kind,
        "supportedService": "Email",
        "ttl": RECORD_TTL_S,
    }


def _records(call: Call, collection: str, domain: Domain, value: list[Json]) -> Reply:
    context = call.context(f"domains('{domain.name}')/{collection}")
    return Reply(200, {"@odata.context": context, "value": value})


OPERATIONS = (
    Operation("GET", "domains", list_domains, DOMAIN_READERS),
    Operation("POST", "domains", add_domain, DOMAIN_WRITERS),
    Operation("GET", "domains/{domain}", get_domain, DOMAIN_READERS),
    Operation("PATCH", "domains/{domain}", change_domain, DOMAIN_WRITERS),
    Operation("POST", "domains/{domain}/verify", verify_domain, DOMAIN_WRITERS),
    Operation(
        "GET", "domains/{domain}/verificationDnsRecords", verification_records, DOMAIN_READERS
    ),
    Operation(
        "GET", "domains/{domain}/serviceConfigurationRecords", service_records, DOMAIN_READERS
    ),
    Operation("GET", "organization", list_organization, ORGANIZATION_READERS),
)
