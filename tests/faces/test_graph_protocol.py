"""What the simulated Graph does with requests that are wrong, unlucky, many at once, or not allowed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.faces import graph, token
from sandbox.faces.token import EXCHANGE_AUDIENCE, GRAPH_AUDIENCE
from sandbox.world.misfortune import Failure, FailureKind

# The fixtures' type; pytest loads conftest by path, so it cannot be imported by name.
GraphDesk = Any

THROTTLED = Failure(FailureKind.THROTTLED, 429, 3)
LOST = Failure(FailureKind.LOST_REPLY, 504)


@pytest.mark.parametrize(
    ("url", "segment"),
    [
        ("usres", "usres"),
        ("users/x/mailfolders/inbox/message", "message"),
        ("users/x/calendar", "calendar"),
        ("devices/1/memberOf", "devices"),
    ],
)
def test_a_path_that_leads_nowhere_names_the_wrong_segment(
    desk: GraphDesk, url: str, segment: str
) -> None:
    """A misspelt path would be answered by something else."""
    reply = desk.call("GET", url)

    assert reply.status == 400
    assert reply.body["error"]["message"] == f"Resource not found for the segment '{segment}'."


def test_a_known_path_with_another_verb_is_not_allowed(desk: GraphDesk) -> None:
    """PUT instead of PATCH would pass for success."""
    assert desk.error("PUT", "users/x", {}) == (405, "Request_BadRequest")


def test_the_service_writes_keys_in_brackets_and_understands_them(desk: GraphDesk) -> None:
    """Next links of the service have this form."""
    anna = desk.add_user()

    assert desk.get(f"users('{anna.user_id}')")["id"] == anna.user_id


@pytest.mark.parametrize(
    ("method", "url", "role", "code"),
    [
        ("GET", "subscribedSkus", "User.ReadWrite.All", "Authorization_RequestDenied"),
        ("POST", "users", "User.Read.All", "Authorization_RequestDenied"),
        ("POST", "users/x/assignLicense", "User.Read.All", "Authorization_RequestDenied"),
        ("GET", "users/x/mailboxSettings", "Mail.ReadWrite", "ErrorAccessDenied"),
        ("GET", "users/x/mailFolders", "MailboxSettings.Read", "ErrorAccessDenied"),
        ("POST", "users/x/sendMail", "Mail.ReadWrite", "ErrorAccessDenied"),
        ("DELETE", "users/x/messages/y", "Mail.Read", "ErrorAccessDenied"),
        ("POST", "domains", "Domain.Read.All", "Authorization_RequestDenied"),
    ],
)
def test_each_call_needs_its_own_permission(
    desk: GraphDesk, method: str, url: str, role: str, code: str
) -> None:
    """The list of permissions to grant would be found short on the day of the migration."""
    assert desk.error(method, url, {}, roles=frozenset({role})) == (403, code)


def test_what_exchange_grants_by_itself_is_allowed_without_a_token_that_says_so(
    desk: GraphDesk,
) -> None:
    """A product that goes by its token alone would refuse to work where mail is confined to some mailboxes."""
    desk.world.tenant.app.roles_in_exchange.add("Mail.ReadWrite")
    roles = frozenset({"User.ReadWrite.All"})

    status, code = desk.error("GET", "users/x/mailFolders", {}, roles=roles)
    assert (status, code) != (403, "ErrorAccessDenied")
    assert desk.error("POST", "users/x/sendMail", {}, roles=roles) == (403, "ErrorAccessDenied")


def test_a_throttled_call_has_no_effect_and_says_how_long(desk: GraphDesk) -> None:
    """A product that waits too short stays throttled."""
    anna = desk.add_user()
    desk.world.misfortune.provoke("graph.PATCH users", THROTTLED)
    reply = desk.call("PATCH", f"users/{anna.user_id}", {"displayName": "Other"})

    assert (reply.status, reply.headers["Retry-After"]) == (429, "3")
    assert reply.body["error"]["code"] == "TooManyRequests"
    assert desk.world.tenant.directory.truth(anna.user_id).display_name == "Anna"


def test_what_a_call_costs_is_in_its_headers(desk: GraphDesk) -> None:
    """An operator watching the budget would see nothing."""
    anna = desk.add_user()

    assert desk.call("GET", "subscribedSkus").headers["x-ms-resource-unit"] == "3"
    assert desk.call("GET", f"users/{anna.upn}").headers["x-ms-resource-unit"] == "1"


def test_a_batch_answers_each_request_for_itself(desk: GraphDesk) -> None:
    """The one bad request of twenty would hide the other nineteen."""
    anna = desk.add_user()
    desk.world.misfortune.provoke("graph.GET subscribedSkus", THROTTLED)
    json_type = {"Content-Type": "application/json"}
    requests = [
        {"id": "read", "method": "GET", "url": f"/users/{anna.user_id}?$select=id"},
        {"id": "lost", "method": "GET", "url": "/users/nobody@example.org"},
        {"id": "after", "method": "DELETE", "url": f"/users/{anna.user_id}", "dependsOn": ["lost"]},
        {"id": "slow", "method": "GET", "url": "/subscribedSkus"},
        {
            "id": "write",
            "method": "PATCH",
            "url": f"/users/{anna.user_id}",
            "headers": json_type,
            "body": {"displayName": "Anna B"},
        },
    ]
    reply = desk.call("POST", "$batch", {"requests": requests})
    answers = {answer["id"]: answer for answer in reply.body["responses"]}

    assert reply.status == 200
    assert {name: answer["status"] for name, answer in answers.items()} == {
        "read": 200,
        "lost": 404,
        "after": 424,
        "slow": 429,
        "write": 204,
    }
    assert answers["slow"]["headers"]["Retry-After"] == "3"
    assert answers["read"]["body"]["id"] == anna.user_id


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [{"id": str(number), "method": "GET", "url": "/users"} for number in range(21)],
        [{"id": "1", "method": "GET", "url": "/users"}] * 2,
        [{"id": "1", "method": "GET"}],
        [{"id": "1", "method": "POST", "url": "/users", "body": {}}],
        [{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}],
    ],
)
def test_a_malformed_batch_is_refused_whole(
    desk: GraphDesk, requests: list[dict[str, Any]]
) -> None:
    """The service answers 400 to the whole; a client must not count on half of it."""
    assert desk.error("POST", "$batch", {"requests": requests}) == (400, "BadRequest")


def over_http(desk: GraphDesk, talk: Callable[[httpx.AsyncClient, str], Awaitable[None]]) -> None:
    """Serve the world on a free port of loopback while `talk` runs."""

    async def serve() -> None:
        app = web.Application()
        app.add_routes(token.routes(desk.world))
        app.add_routes(graph.routes(desk.world))
        async with (
            TestServer(app) as server,
            httpx.AsyncClient(base_url=str(server.make_url("/"))) as client,
        ):
            await talk(client, await bearer(desk, client, GRAPH_AUDIENCE))

    asyncio.run(serve())


async def bearer(desk: GraphDesk, client: httpx.AsyncClient, audience: str) -> str:
    """The value of an Authorization header."""
    tenant = desk.world.tenant
    form = {
        "grant_type": "client_credentials",
        "client_id": tenant.app.client_id,
        "client_secret": tenant.app.client_secret,
        "scope": f"{audience}/.default",
    }
    reply = await client.post(f"{tenant.tenant_id}/oauth2/v2.0/token", data=form)
    return f"Bearer {reply.json()['access_token']}"


def test_the_answer_over_http_can_be_traced(desk: GraphDesk) -> None:
    """A support case without the request id is not looked at."""

    async def talk(client: httpx.AsyncClient, authorization: str) -> None:
        headers = {"Authorization": authorization, "client-request-id": "mine"}
        good = await client.get("v1.0/subscribedSkus", headers=headers)
        bad = await client.get("v1.0/users/nobody@example.org", headers=headers)

        assert good.headers["client-request-id"] == "mine"
        assert good.headers["x-ms-resource-unit"] == "3"
        assert bad.headers["request-id"] == bad.json()["error"]["innerError"]["request-id"]
        assert bad.json()["error"]["innerError"]["client-request-id"] == "mine"
        assert desk.world.calls["graph"] == 2

    over_http(desk, talk)


def test_without_the_right_token_nobody_comes_in(desk: GraphDesk) -> None:
    """A token for Exchange would open the mail of everybody."""

    async def talk(client: httpx.AsyncClient, authorization: str) -> None:
        wrong = await bearer(desk, client, EXCHANGE_AUDIENCE)
        for headers in ({}, {"Authorization": wrong}):
            reply = await client.get("v1.0/subscribedSkus", headers=headers)
            assert reply.status_code == 401
            assert reply.json()["error"]["code"] == "InvalidAuthenticationToken"
            assert reply.headers["www-authenticate"].startswith("Bearer")
        assert authorization != wrong

    over_http(desk, talk)


def test_a_lost_reply_leaves_the_effect(desk: GraphDesk) -> None:
    """The product could not show that it survives a created account it never heard of."""
    new = {
        "accountEnabled": True,
        "displayName": "Ben",
        "mailNickname": "ben",
        "userPrincipalName": "ben@example.org",
        "passwordProfile": {"password": "Tr0ub4dor&3"},
    }
    seen = set()

    async def talk(client: httpx.AsyncClient, authorization: str) -> None:
        for number in range(8):
            desk.world.misfortune.provoke("graph.POST users", LOST)
            body = {**new, "userPrincipalName": f"ben{number}@example.org"}
            try:
                reply = await client.post(
                    "v1.0/users", json=body, headers={"Authorization": authorization}
                )
                seen.add(str(reply.status_code))
            except httpx.RemoteProtocolError:
                seen.add("closed")
            assert desk.world.tenant.directory.truth(f"ben{number}@example.org") is not None

    over_http(desk, talk)

    assert seen == {"504", "closed"}


def test_the_token_endpoint_refuses_in_the_words_of_the_platform(desk: GraphDesk) -> None:
    """The client library reads these fields and shows them to the operator."""

    async def talk(client: httpx.AsyncClient, authorization: str) -> None:
        tenant = desk.world.tenant
        reply = await client.post(
            f"{tenant.tenant_id}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": tenant.app.client_id,
                "client_secret": "wrong",
                "scope": f"{GRAPH_AUDIENCE}/.default",
            },
        )
        assert authorization
        assert reply.status_code == 401
        assert reply.json()["error"] == "invalid_client"
        assert reply.json()["error_codes"] == [7000215]
        assert reply.json()["error_description"].startswith("AADSTS7000215: Invalid client secret")

    over_http(desk, talk)
