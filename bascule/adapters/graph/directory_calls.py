"""The requests of the directory, in the SDK's words. Imports the SDK: load it late.

Never log or raise one of these models: their repr shows passwords.
"""

from collections.abc import Iterable
from uuid import UUID

from msgraph import GraphServiceClient
from msgraph.generated.directory.deleted_items.graph_user.graph_user_request_builder import (
    GraphUserRequestBuilder,
)
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.user import User
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import (
    AssignLicensePostRequestBody,
)
from msgraph.generated.users.item.mailbox_settings.mailbox_settings_request_builder import (
    MailboxSettingsRequestBuilder,
)
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder
from msgraph.generated.users.users_request_builder import UsersRequestBuilder

from bascule.adapters.graph.answers import Json, asking, json_answer
from bascule.domain.directory import NewAccount

# "Create user": weaker passwords than the default policy are allowed for this account.
WEAK_ALLOWED = "DisableStrongPassword"
# "List users": at most 999 a page.
ACCOUNT_PAGE_SIZE = 999
DELETED_PROPERTIES = ["id", "userPrincipalName", "displayName", "proxyAddresses"]
# None of these but the first two are in the answer unless asked for.
ACCOUNT_PROPERTIES = [
    "id",
    "userPrincipalName",
    "accountEnabled",
    "usageLocation",
    "licenseAssignmentStates",
    "proxyAddresses",
]


async def stock(graph: GraphServiceClient) -> Json:
    """GET /subscribedSkus: one page, always."""
    return await json_answer(graph, graph.subscribed_skus.to_get_request_information())


async def organization(graph: GraphServiceClient, link: str) -> Json:
    """GET /organization: a list of one."""
    builder = graph.organization.with_url(link) if link else graph.organization
    return await json_answer(graph, builder.to_get_request_information())


async def accounts(graph: GraphServiceClient, link: str) -> Json:
    """GET /users, or the page that `link` leads to."""
    if link:
        return await json_answer(graph, graph.users.with_url(link).to_get_request_information())
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        select=ACCOUNT_PROPERTIES, top=ACCOUNT_PAGE_SIZE
    )
    return await json_answer(graph, graph.users.to_get_request_information(asking(query)))


async def holders(graph: GraphServiceClient, address: str, link: str) -> Json:
    """GET /users with a filter; a quote inside a string is doubled (OData 4.01 part 2, 5.1.1.6.1)."""
    if link:
        return await json_answer(graph, graph.users.with_url(link).to_get_request_information())
    quoted = address.replace("'", "''")
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        filter=f"proxyAddresses/any(p:p eq 'smtp:{quoted}')", select=ACCOUNT_PROPERTIES
    )
    return await json_answer(graph, graph.users.to_get_request_information(asking(query)))


async def deleted(graph: GraphServiceClient, link: str) -> Json:
    """GET /directory/deletedItems/microsoft.graph.user, or the page that `link` leads to."""
    builder = graph.directory.deleted_items.graph_user
    if link:
        return await json_answer(graph, builder.with_url(link).to_get_request_information())
    query = GraphUserRequestBuilder.GraphUserRequestBuilderGetQueryParameters(
        select=DELETED_PROPERTIES
    )
    return await json_answer(graph, builder.to_get_request_information(asking(query)))


async def account(graph: GraphServiceClient, key: str) -> Json:
    """GET /users/{id or user principal name}."""
    query = UserItemRequestBuilder.UserItemRequestBuilderGetQueryParameters(
        select=ACCOUNT_PROPERTIES
    )
    builder = graph.users.by_user_id(key)
    return await json_answer(graph, builder.to_get_request_information(asking(query)))


async def new_account(graph: GraphServiceClient, new: NewAccount, nickname: str) -> Json:
    """POST /users, the usage location in the same request: it saves a write and a replication."""
    profile = PasswordProfile(
        password=new.password, force_change_password_next_sign_in=new.must_change_password
    )
    user = User(
        account_enabled=True,
        display_name=new.display_name,
        mail_nickname=nickname,
        user_principal_name=new.address,
        password_profile=profile,
    )
    if not new.has_password_complexity:
        user.password_policies = WEAK_ALLOWED
    if new.usage_location:
        user.usage_location = new.usage_location
    if new.language:
        user.preferred_language = new.language
    return await json_answer(graph, graph.users.to_post_request_information(user))


async def password(
    graph: GraphServiceClient, account_id: str, password: str, must_change: bool
) -> None:
    """PATCH /users/{id} with a passwordProfile alone."""
    profile = PasswordProfile(password=password, force_change_password_next_sign_in=must_change)
    builder = graph.users.by_user_id(account_id)
    ask = builder.to_patch_request_information(User(password_profile=profile))
    await json_answer(graph, ask)


async def usage_location(graph: GraphServiceClient, account_id: str, location: str) -> None:
    """PATCH /users/{id}."""
    builder = graph.users.by_user_id(account_id)
    ask = builder.to_patch_request_information(User(usage_location=location))
    await json_answer(graph, ask)


async def licences(
    graph: GraphServiceClient,
    account_id: str,
    added: Iterable[tuple[UUID, list[UUID]]],
    removed: Iterable[UUID],
) -> None:
    """POST /users/{id}/assignLicense; both lists have to be there."""
    body = AssignLicensePostRequestBody(
        add_licenses=[
            AssignedLicense(sku_id=sku_id, disabled_plans=disabled) for sku_id, disabled in added
        ],
        remove_licenses=list(removed),
    )
    builder = graph.users.by_user_id(account_id).assign_license
    await json_answer(graph, builder.to_post_request_information(body))


async def mailbox_settings(graph: GraphServiceClient, account_id: str) -> None:
    """GET /users/{id}/mailboxSettings, of which only the status counts."""
    query = MailboxSettingsRequestBuilder.MailboxSettingsRequestBuilderGetQueryParameters(
        select=["userPurpose"]
    )
    settings = graph.users.by_user_id(account_id).mailbox_settings
    await json_answer(graph, settings.to_get_request_information(asking(query)))
