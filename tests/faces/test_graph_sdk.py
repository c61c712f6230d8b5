"""The vendor's own client against the simulated Graph; its first typed answer alone takes over a second."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from kiota_http.middleware.options import RetryHandlerOption
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.mail_folder import MailFolder
from msgraph.generated.models.mail_search_folder import MailSearchFolder
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.user import User
from msgraph.generated.models.user_purpose import UserPurpose
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import (
    AssignLicensePostRequestBody,
)
from msgraph.generated.users.item.mail_folders.mail_folders_request_builder import (
    MailFoldersRequestBuilder,
)
from msgraph_core import GraphClientFactory

from sandbox.faces import graph, token
from sandbox.faces.token import GRAPH_AUDIENCE, TokenDesk

# The fixtures' type; pytest loads conftest by path, so it cannot be imported by name.
GraphDesk = Any

FAR_FUTURE_EPOCH_S = 4_000_000_000
PROVISIONED_AFTER_S = 301


class Credential:
    """A credential that asks the desk directly."""

    def __init__(self, desk: GraphDesk) -> None:
        self._world = desk.world

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """A fresh token for the one scope asked for."""
        tenant = self._world.tenant
        form = {
            "grant_type": "client_credentials",
            "client_id": tenant.app.client_id,
            "client_secret": tenant.app.client_secret,
            "scope": scopes[0],
        }
        issued = TokenDesk.of(self._world).issue(tenant.tenant_id, form)
        return AccessToken(str(issued["access_token"]), FAR_FUTURE_EPOCH_S)


def sdk(desk: GraphDesk, base_url: str, wire: httpx.AsyncHTTPTransport) -> GraphServiceClient:
    """The client as the product builds it: no retries of its own, one allowed host."""
    http = GraphClientFactory.create_with_default_middleware(
        client=httpx.AsyncClient(transport=wire, timeout=10),
        options={RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0)},
    )
    credential: Any = Credential(desk)
    auth = AzureIdentityAuthenticationProvider(
        credential, scopes=[f"{GRAPH_AUDIENCE}/.default"], allowed_hosts=["127.0.0.1"]
    )
    adapter = GraphRequestAdapter(auth, http)
    adapter.base_url = base_url
    return GraphServiceClient(request_adapter=adapter)


def test_the_vendors_client_lives_the_life_of_an_account(desk: GraphDesk) -> None:
    """The face would speak a dialect that only our own adapter understands."""

    async def live(client: GraphServiceClient) -> None:
        account_id = await create(client)
        await licence_mail_only(client, account_id)
        await wait_for_mailbox(desk, client, account_id)
        await read_folders(client, account_id)

    async def serve() -> None:
        app = web.Application()
        app.add_routes(token.routes(desk.world))
        app.add_routes(graph.routes(desk.world))
        # The middleware takes the transport out of the client, which then no longer closes it.
        async with TestServer(app) as server, httpx.AsyncHTTPTransport() as wire:
            await live(sdk(desk, str(server.make_url("/v1.0")), wire))

    asyncio.run(serve())


async def create(client: GraphServiceClient) -> str:
    """An account whose name has to be escaped in addresses."""
    made = await client.users.post(
        User(
            account_enabled=True,
            display_name="Anna",
            mail_nickname="anna.ohara",
            user_principal_name="anna.o'hara@example.org",
            usage_location="FR",
            password_profile=PasswordProfile(password="Tr0ub4dor&3"),
        )
    )
    found = await client.users.by_user_id("anna.o'hara@example.org").get()
    assert made is not None
    assert found is not None
    assert made.id == found.id
    return str(made.id)


async def licence_mail_only(client: GraphServiceClient, account_id: str) -> None:
    """One product with every plan for users off except the mailbox."""
    stock = await client.subscribed_skus.get()
    assert stock is not None
    sku = next(s for s in stock.value or [] if s.sku_part_number == "STANDARDWOFFPACK_STUDENT")
    off = [
        plan.service_plan_id
        for plan in sku.service_plans or []
        if plan.applies_to == "User" and plan.service_plan_name != "EXCHANGE_S_STANDARD"
    ]
    body = AssignLicensePostRequestBody(
        add_licenses=[AssignedLicense(sku_id=sku.sku_id, disabled_plans=off)], remove_licenses=[]
    )
    answered = await client.users.by_user_id(account_id).assign_license.post(body)
    assert answered is not None
    assert answered.assigned_licenses is not None
    assert answered.assigned_licenses[0].sku_id == uuid.UUID(str(sku.sku_id))


async def wait_for_mailbox(desk: GraphDesk, client: GraphServiceClient, account_id: str) -> None:
    """Refused first, open after a while."""
    settings = client.users.by_user_id(account_id).mailbox_settings
    with pytest.raises(ODataError) as no:
        await settings.get()
    assert no.value.response_status_code == 404
    assert no.value.error is not None
    assert no.value.error.code in ("MailboxNotEnabledForRESTAPI", "ResourceNotFound")
    desk.clock.pass_time(PROVISIONED_AFTER_S)
    opened = await settings.get()
    assert opened is not None
    assert opened.user_purpose is UserPurpose.User


async def read_folders(client: GraphServiceClient, account_id: str) -> None:
    """All folders in three pages, the search folder known as such."""
    query = MailFoldersRequestBuilder.MailFoldersRequestBuilderGetQueryParameters(
        include_hidden_folders="true", top=3
    )
    builder = client.users.by_user_id(account_id).mail_folders
    page = await builder.get(RequestConfiguration(query_parameters=query))
    found: list[MailFolder] = []
    while page:
        found += page.value or []
        page = await builder.with_url(page.odata_next_link).get() if page.odata_next_link else None
    assert len(found) == 7
    assert [type(folder) for folder in found].count(MailSearchFolder) == 1
