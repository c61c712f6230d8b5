"""The Exchange admin gateway over HTTP, as clients of the real one know it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.world.management_roles import (
    MIGRATION,
    SECURITY_GROUP_CREATION,
    VIEW_ONLY_CONFIGURATION,
)
from sandbox.world.misfortune import Failure, FailureKind
from tests.faces.exchange_client import (
    ANNA,
    GROUP,
    Client,
    bytes_of,
    error_of,
    gateway_client,
    type_of,
)


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of a prepared tenant."""
    with gateway_client() as made:
        yield made


# -- the door -------------------------------------------------------------------------------------


def test_without_a_token_the_gateway_challenges(client: Client) -> None:
    """The adapter fetches a new token on 401."""
    answer = client.call("Get-Mailbox", headers=client.headers(Authorization=""))

    assert answer.status_code == 401
    assert "authorization_uri" in answer.headers["WWW-Authenticate"]


def test_a_token_without_the_app_role_meets_a_body_of_nul_bytes(client: Client) -> None:
    """The reason stands in a header only; JSON parsing must be allowed to fail."""
    client.world.tenant.app.roles.discard("Exchange.ManageAsApp")
    client.token = client.http.post(
        client.url.partition("/adminapi")[0]
        + f"/{client.world.tenant.tenant_id}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": client.world.tenant.app.client_id,
            "client_secret": client.world.tenant.app.client_secret,
            "scope": "https://outlook.office365.com/.default",
        },
    ).json()["access_token"]
    answer = client.call("Get-Mailbox")

    assert answer.status_code == 403
    assert set(answer.content) == {0}
    assert "no permissions" in answer.headers["x-ms-diagnostics"]


def test_a_missing_anchor_is_refused(client: Client) -> None:
    """Every app-only call must be routed by the system mailbox."""
    answer = client.call("Get-Mailbox", headers=client.headers(**{"X-AnchorMailbox": "x@y"}))

    assert answer.status_code == 400


def test_roles_decide_which_cmdlets_and_which_parameters_exist(client: Client) -> None:
    """A missing role is a refusal; a missing role for a parameter looks like a typing error."""
    client.world.tenant.exchange_roles.discard(MIGRATION)
    client.world.tenant.exchange_roles.discard(SECURITY_GROUP_CREATION)
    forbidden = client.call("Get-MigrationBatch")
    hidden = client.call(
        "Add-DistributionGroupMember",
        Identity=GROUP,
        Member=ANNA,
        BypassSecurityGroupManagerCheck=True,
    )

    assert forbidden.status_code == 403
    assert hidden.status_code == 400
    assert "A parameter cannot be found that matches parameter name" in hidden.text


def test_the_list_of_cmdlets_tells_what_the_app_may_run(client: Client) -> None:
    """A cheap permission probe."""
    client.world.tenant.exchange_roles.intersection_update({VIEW_ONLY_CONFIGURATION})
    base, _, tenant = client.url.rpartition("/adminapi/beta/")
    answer = client.http.get(
        f"{base}/adminapi/v1.0/{tenant}/EXOModuleFile?Version=3.9.2",
        headers={"Authorization": f"Bearer {client.token}", "CommandName": "*"},
    )
    names = answer.json()["value"][0]["exportedCmdlets"].split(",")

    assert "Get-TransportRule" in names
    assert "New-TransportRule" not in names


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("Get-Everything", {}, "is not recognized as the name of a cmdlet"),
        ("Get-Mailbox", {"Nonsense": "x"}, "A parameter cannot be found"),
        ("New-MigrationBatch", {"SourceEndpoint": "imap-source"}, "mandatory parameters: Name"),
        ("Remove-MigrationBatch", {"Identity": "", "Confirm": False}, "empty string"),
    ],
)
def test_calls_that_do_not_bind_are_refused(
    client: Client, name: str, parameters: dict[str, Any], says: str
) -> None:
    """A typing error in the adapter must show here, not in a tenant."""
    answer = client.call(name, **parameters)

    assert answer.status_code == 400
    assert says in error_of(answer)["details"][0]["message"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("New-MigrationBatch", {"Name": "x", "CSVData": "RW1haWw="}),
        ("New-MigrationBatch", {"Name": "x", "CSVData": {"Data": [1, 2]}}),
        ("New-MigrationBatch", {"Name": "x", "CSVData": bytes_of(b"") | {"Data": [256]}}),
        ("New-MigrationBatch", {"Name": "x", "AutoStart": "true"}),
        ("Set-AcceptedDomain", {"Identity": "example.org", "DomainType": "Relay"}),
        ("Set-OutboundConnector", {"Identity": "x", "SmartHosts": {"Add": ["y"]}}),
        ("Set-Mailbox", {"Identity": ANNA, "MaxReceiveSize": 150}),
        ("New-TransportRule", {"Name": "x", "Priority": "first"}),
    ],
)
def test_values_of_the_wrong_type_fail_without_details(
    client: Client, name: str, parameters: dict[str, Any]
) -> None:
    """This answer has no typed detail; the type stands in the inner error."""
    error = error_of(client.call(name, **parameters))

    assert "details" not in error
    assert error["innererror"]["internalexception"]["type"].endswith(
        "ParameterTransformationException"
    )


# -- answers --------------------------------------------------------------------------------------


def test_objects_come_with_companion_keys(client: Client) -> None:
    """A reader that takes `X@data.type` for a property breaks."""
    found = client.rows("Get-Mailbox", Identity=ANNA)

    assert [row["PrimarySmtpAddress"] for row in found] == [ANNA]
    assert "smtp:anna@exampleorg.onmicrosoft.com" in found[0]["EmailAddresses"]
    assert any("@" in key for key in found[0])


def test_an_empty_identity_answers_everything(client: Client) -> None:
    """The trap behind 'removed the wrong batch'."""
    assert len(client.rows("Get-Mailbox", Identity="")) == len(client.rows("Get-Mailbox")) == 2


def test_a_missing_object_is_a_typed_404(client: Client) -> None:
    """Not-found is told by its type, whatever the sentence."""
    answer = client.call("Get-Mailbox", Identity="nobody@example.org")

    assert answer.status_code == 404
    assert type_of(answer).endswith("ManagementObjectNotFoundException")
    assert answer.headers["x-ExceptionType"].endswith("ManagementObjectNotFoundException")


def test_pages_follow_links_by_posting_the_same_call(client: Client) -> None:
    """A list cut short would lose mailboxes; a link with another call is refused."""
    for number in range(25):
        client.world.tenant.recipients.add_contact(
            f"c{number}", f"c{number}", f"c{number}@elsewhere.test"
        )
    headers = client.headers(Prefer="odata.maxpagesize=10")
    body = {
        "CmdletInput": {"CmdletName": "Get-Recipient", "Parameters": {"ResultSize": "Unlimited"}}
    }
    link, names = f"{client.url}/InvokeCommand", []
    while link:
        page = client.http.post(link, json=body, headers=headers).json()
        names += [row["PrimarySmtpAddress"] for row in page["value"]]
        first, link = link, page.get("@odata.nextLink")
    other = client.http.post(
        first, json={"CmdletInput": {"CmdletName": "Get-Recipient"}}, headers=headers
    )

    assert len(names) == len(set(names)) == 28
    assert other.status_code == 400
    assert "pagination" in other.text


def test_results_beyond_the_result_size_are_cut_with_a_warning(client: Client) -> None:
    """Without ResultSize Unlimited a large tenant looks small."""
    answer = client.call("Get-Recipient", ResultSize=1).json()

    assert len(answer["value"]) == 1
    assert "ResultSize" in answer["@adminapi.warnings"][0]


def test_verbs_that_prompt_do_nothing_unless_told_not_to_ask(client: Client) -> None:
    """An answer 200 with a question in it is not a success."""
    asked = client.call(
        "Remove-TransportRule", Identity="Utilisateurs non migres vers Postfix"
    ).json()
    still = client.rows("Get-TransportRule")
    client.call(
        "Remove-TransportRule", Identity="Utilisateurs non migres vers Postfix", Confirm=False
    )

    assert "@adminapi.confirmationmessage" in asked
    assert len(still) == 1
    assert client.rows("Get-TransportRule") == []


def test_select_trims_properties(client: Client) -> None:
    """Large reads ask for few properties."""
    body = {"CmdletInput": {"CmdletName": "Get-Mailbox", "Parameters": {"Identity": ANNA}}}
    answer = client.http.post(
        f"{client.url}/InvokeCommand?$select=PrimarySmtpAddress",
        json=body,
        headers=client.headers(),
    )

    assert answer.json()["value"] == [{"PrimarySmtpAddress": ANNA}]


def test_a_batch_answers_each_call_by_itself(client: Client) -> None:
    """The outer 200 says nothing about the inner calls."""

    def item(number: str, name: str, **parameters: Any) -> dict[str, Any]:
        return {
            "id": number,
            "method": "POST",
            "url": f"{client.url}/InvokeCommand",
            "headers": {
                "X-AnchorMailbox": client.headers()["X-AnchorMailbox"],
                "X-CmdletName": name,
            },
            "body": {"CmdletInput": {"CmdletName": name, "Parameters": parameters}},
        }

    answer = client.http.post(
        f"{client.url}/$batch",
        json={
            "requests": [
                item("1", "Get-Mailbox", Identity=ANNA),
                item("2", "Get-Mailbox", Identity="x@y"),
            ]
        },
        headers=client.headers(),
    )
    replies = {reply["id"]: reply for reply in answer.json()["responses"]}

    assert answer.status_code == 200
    assert replies["1"]["body"]["value"][0]["PrimarySmtpAddress"] == ANNA
    assert replies["2"]["status"] == 404


# -- misfortune -----------------------------------------------------------------------------------


def test_throttling_says_when_to_come_back_in_json_or_in_plain_text(client: Client) -> None:
    """Both forms are seen; the header counts."""
    seen = set()
    for _ in range(12):
        throttle = Failure(FailureKind.THROTTLED, 429, 7)
        client.world.misfortune.provoke("exchange.Get-Mailbox", throttle)
        answer = client.call("Get-Mailbox")
        seen.add(answer.headers["Content-Type"].partition(";")[0])

        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")

    assert seen == {"application/json", "text/plain"}


def test_a_transient_failure_may_come_as_400(client: Client) -> None:
    """The type decides, not the status."""
    statuses = set()
    for _ in range(12):
        client.world.misfortune.provoke("exchange.Get-Mailbox", Failure(FailureKind.TRANSIENT, 503))
        statuses.add(client.call("Get-Mailbox").status_code)

    assert statuses == {400, 503}


def test_a_lost_reply_leaves_its_effect(client: Client) -> None:
    """The caller reads back before it sends again."""
    client.world.misfortune.provoke(
        "exchange.Add-DistributionGroupMember", Failure(FailureKind.LOST_REPLY, 504)
    )
    try:
        status = client.call(
            "Add-DistributionGroupMember",
            Identity=GROUP,
            Member=ANNA,
            BypassSecurityGroupManagerCheck=True,
        ).status_code
    except httpx.RemoteProtocolError:
        status = 504

    assert status == 504
    assert [
        m["PrimarySmtpAddress"] for m in client.rows("Get-DistributionGroupMember", Identity=GROUP)
    ] == [ANNA]
