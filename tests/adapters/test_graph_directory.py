"""The directory port under the real SDK: what goes over the wire and what comes back. The SDK loads in 1-2 s."""

import httpx
import pytest

from bascule.adapters.graph.directory import nickname
from bascule.domain.codes import Code
from bascule.domain.directory import (
    Assignment,
    DeletedAccount,
    LicenceChange,
    LicenceState,
    NewAccount,
    ServicePlan,
    Sku,
)
from bascule.domain.errors import NotYet, Refusal, Unreachable
from bascule.domain.licences import LocationRefused
from bascule.domain.service_plans import PlanNeedsAnother
from tests.adapters.graph_desk import GraphDesk, found, page, refusal

ANN = NewAccount("o'hara@contoso.com", "Ann O'Hara", "FR", "hunter2!Hunter2")
ID = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
SKU = "314c4481-f395-4525-be8b-2ec4bb1e9d91"
PLAN_ON, PLAN_OFF = (
    "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "57ff2da0-773e-42df-b2af-ffb7a2317929",
)
PACK = "4b9405b0-7788-4568-add1-99614e613b69"
LOCATION = "License assignment cannot be done for user with invalid usage location."


def given(sku_id: str, *disabled: str) -> LicenceChange:
    """One licence with these plans off."""
    return LicenceChange(add=(Assignment(sku_id, disabled),))


# As "List subscribedSkus" (Microsoft Learn) shows a product: the plan of a company is nobody's to switch.
STOCK = {
    "id": f"tenant_{SKU}",
    "skuId": SKU,
    "skuPartNumber": "STANDARDWOFFPACK_STUDENT",
    "appliesTo": "User",
    "capabilityStatus": "Enabled",
    "consumedUnits": 14,
    "prepaidUnits": {"enabled": 25, "suspended": 0, "warning": 3, "lockedOut": 0},
    "servicePlans": [
        {
            "servicePlanId": PLAN_ON,
            "servicePlanName": "EXCHANGE_S_STANDARD",
            "provisioningStatus": "Success",
            "appliesTo": "User",
        },
        {
            "servicePlanId": PLAN_OFF,
            "servicePlanName": "X",
            "provisioningStatus": "Success",
            "appliesTo": "Company",
        },
    ],
}


def test_the_stock_has_seats_and_plans() -> None:
    """Seats are reserved from these figures before the first write."""
    with GraphDesk(page(STOCK)) as desk:
        stock = desk.directory.licence_stock()

    assert stock == (
        Sku(
            SKU,
            "STANDARDWOFFPACK_STUDENT",
            25,
            14,
            (
                ServicePlan(PLAN_ON, "EXCHANGE_S_STANDARD", True),
                ServicePlan(PLAN_OFF, "X", False),
            ),
            warning_count=3,
        ),
    )
    assert desk.asked == ["GET /subscribedSkus"]
    assert desk.requests[0].headers["authorization"] == "Bearer token-1"


def test_an_account_is_found_by_its_name_with_its_licences() -> None:
    """The error "None" is no error, and an assignment by a group is not ours to change."""
    state = {
        "skuId": SKU,
        "disabledPlans": [PLAN_OFF],
        "assignedByGroup": None,
        "state": "Active",
        "error": "None",
    }
    by_group = state | {"assignedByGroup": "g1", "state": "Error", "error": "CountViolation"}
    user = {
        "id": ID,
        "userPrincipalName": "O'Hara@contoso.com",
        "accountEnabled": True,
        "usageLocation": "FR",
        "licenseAssignmentStates": [state, by_group],
        "proxyAddresses": ["smtp:Ann@contoso.com", "SMTP:O'Hara@contoso.com", "x500:/o=1"],
    }
    with GraphDesk(found(**user)) as desk:
        account = desk.directory.find_account("O'Hara@contoso.com")

    assert account is not None
    assert (account.account_id, account.address) == (ID, "o'hara@contoso.com")
    assert account.addresses == ("o'hara@contoso.com", "ann@contoso.com")
    assert account.licences == (
        LicenceState(SKU, (PLAN_OFF,)),
        LicenceState(SKU, (PLAN_OFF,), "g1", is_active=False, error="CountViolation"),
    )
    properties = (
        "id,userPrincipalName,accountEnabled,usageLocation,licenseAssignmentStates,proxyAddresses"
    )
    assert desk.asked == [f"GET /users/o%27hara%40contoso.com?$select={properties}"]


def test_only_resource_not_found_means_that_there_is_no_account() -> None:
    """Any other 404 taken for absence would make the step create somebody twice."""
    with GraphDesk(
        refusal(404, "Request_ResourceNotFound"), refusal(404, "Directory_ObjectNotFound")
    ) as desk:
        assert desk.directory.find_account("ann@contoso.com") is None
        with pytest.raises(NotYet):
            desk.directory.find_account("ann@contoso.com")


def test_an_account_is_created_in_one_write_with_its_location() -> None:
    """One write fewer and one replication fewer; the answer is believed."""
    with GraphDesk(httpx.Response(201, json={"id": ID, "userPrincipalName": ANN.address})) as desk:
        account = desk.directory.create_account(ANN)
        body = desk.body(0)

    assert (account.account_id, account.usage_location, account.is_enabled) == (ID, "FR", True)
    assert desk.asked == ["POST /users"]
    assert body["userPrincipalName"] == "o'hara@contoso.com"
    assert body["mailNickname"] == "ohara"
    assert body["usageLocation"] == "FR"
    assert body["accountEnabled"] is True
    assert body["passwordProfile"]["password"] == ANN.password
    assert body["passwordProfile"]["forceChangePasswordNextSignIn"] is False


def test_a_taken_address_is_a_conflict_to_be_adopted() -> None:
    """It may be our own account whose answer was lost."""
    with (
        GraphDesk(
            refusal(
                400,
                "Request_BadRequest",
                "Another object ...",
                (("ObjectConflict", "userPrincipalName"),),
            )
        ) as desk,
        pytest.raises(Refusal) as no,
    ):
        desk.directory.create_account(ANN)

    assert no.value.code is Code.ACCOUNT_CONFLICT


@pytest.mark.parametrize(
    "trouble",
    [httpx.ReadTimeout("x"), httpx.ConnectError("x"), httpx.Response(504), httpx.Response(502)],
    ids=repr,
)
def test_a_lost_answer_to_a_creation_is_not_sent_again(trouble: httpx.Response | Exception) -> None:
    """The SDK's own retries would repeat the POST; they are off."""
    with GraphDesk(trouble) as desk, pytest.raises(Unreachable):
        desk.directory.create_account(ANN)

    assert len(desk.requests) == 1


def test_no_error_of_a_creation_shows_the_password(caplog: pytest.LogCaptureFixture) -> None:
    """Errors end in histories that are kept for months."""
    answer = refusal(400, "Request_BadRequest", f"The password {ANN.password} is too plain")
    with (
        GraphDesk(answer) as desk,
        caplog.at_level("DEBUG"),
        pytest.raises(Refusal) as no,
    ):
        desk.directory.create_account(ANN)

    assert no.value.code is Code.PASSWORD_REFUSED
    assert ANN.password not in str(no.value) + repr(no.value) + caplog.text
    assert no.value.__cause__ is None


def test_the_usage_location_is_the_only_thing_a_change_of_it_sends() -> None:
    """A property more would be a property changed."""
    with GraphDesk(httpx.Response(204)) as desk:
        desk.directory.set_usage_location(ID, "CA")
        body = desk.body(0)

    assert desk.asked == [f"PATCH /users/{ID}"]
    assert {key: value for key, value in body.items() if "@" not in key} == {"usageLocation": "CA"}


def test_a_licence_is_assigned_with_both_lists() -> None:
    """Without the empty list of removals the service refuses the call."""
    with GraphDesk(found(id=ID)) as desk:
        desk.directory.change_licences(ID, given(SKU, PLAN_OFF))
        body = desk.body(0)

    assert desk.asked == [f"POST /users/{ID}/assignLicense"]
    assert body == {
        "addLicenses": [{"skuId": SKU, "disabledPlans": [PLAN_OFF]}],
        "removeLicenses": [],
    }


def test_a_licence_takes_the_place_of_another_in_one_request() -> None:
    """Two requests would leave the mailbox without a licence between them."""
    with GraphDesk(found(id=ID)) as desk:
        desk.directory.change_licences(ID, LicenceChange((Assignment(SKU),), (PACK,)))
        body = desk.body(0)

    assert desk.asked == [f"POST /users/{ID}/assignLicense"]
    assert body == {
        "addLicenses": [{"skuId": SKU, "disabledPlans": []}],
        "removeLicenses": [PACK],
    }


def test_a_dependency_names_the_plan_and_what_it_needs() -> None:
    """Nothing lists dependencies; the planner learns them from this refusal."""
    words = (
        f"License assignment failed because service plan {PLAN_OFF.upper()} depends on the"
        f" service plan(s) {PLAN_ON}, {SKU}"
    )
    with (
        GraphDesk(refusal(400, "Request_BadRequest", words)) as desk,
        pytest.raises(PlanNeedsAnother) as no,
    ):
        desk.directory.change_licences(ID, given(SKU))

    assert (no.value.child_id, no.value.parent_ids) == (PLAN_OFF, (PLAN_ON, SKU))


def test_an_empty_list_of_disabled_plans_is_sent_as_one() -> None:
    """All services on means an empty list; left out, the old list might stay."""
    with GraphDesk(found(id=ID)) as desk:
        desk.directory.change_licences(ID, given(SKU))
        body = desk.body(0)

    assert body["addLicenses"][0]["disabledPlans"] == []


def test_an_invalid_location_is_told_apart_and_judged_by_whoever_knows_more() -> None:
    """Licensing sees a new location late, and so may a read; another instance of the app may have written it."""
    with GraphDesk(found(), refusal(400, "Request_BadRequest", LOCATION)) as desk:
        desk.directory.set_usage_location(ID, "FR")
        with pytest.raises(LocationRefused) as no:
            desk.directory.change_licences(ID, given(SKU))

    assert no.value.code is Code.USAGE_LOCATION_INVALID
    assert len(desk.asked) == 2


def test_a_new_account_unknown_to_licensing_is_not_yet_there() -> None:
    """Replication takes seconds to minutes."""
    with GraphDesk(refusal(404, "Request_ResourceNotFound")) as desk, pytest.raises(NotYet):
        desk.directory.change_licences(ID, given(SKU))


def test_an_unknown_refusal_of_a_licence_is_a_licence_refused() -> None:
    """The fallback fits the call, and the service's words are kept for the operator."""
    with (
        GraphDesk(refusal(400, "Request_BadRequest", "a new sentence")) as desk,
        pytest.raises(Refusal, match="a new sentence") as no,
    ):
        desk.directory.change_licences(ID, given(SKU))

    assert no.value.code is Code.LICENCE_REFUSED


@pytest.mark.parametrize(
    "code",
    [
        "MailboxNotEnabledForRESTAPI",
        "ResourceNotFound",
        "ErrorInvalidUser",
        "ErrorItemNotFound",
        "Request_ResourceNotFound",
    ],
)
def test_every_404_means_that_the_mailbox_is_not_open_yet(code: str) -> None:
    """The codes alternate over hours for one and the same mailbox."""
    with GraphDesk(refusal(404, code), found(userPurpose="user")) as desk:
        assert desk.directory.is_mailbox_open(ID) is False
        assert desk.directory.is_mailbox_open(ID) is True

    assert desk.asked[0] == f"GET /users/{ID}/mailboxSettings?$select=userPurpose"


def test_a_mailbox_that_may_not_be_looked_at_is_not_closed() -> None:
    """A missing permission must not be polled for a day."""
    with GraphDesk(refusal(403, "ErrorAccessDenied")) as desk, pytest.raises(Refusal) as no:
        desk.directory.is_mailbox_open(ID)

    assert no.value.code is Code.PERMISSION_MISSING


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ann.b@c.org", "ann.b"),
        ("o'hara+x@c.org", "oharax"),
        (".ann.@c.org", "ann"),
        ("a" * 80 + "@c.org", "a" * 64),
    ],
)
def test_nicknames_have_only_what_the_directory_takes(address: str, expected: str) -> None:
    """A comma or a dot at the end has been refused."""
    assert nickname(address) == expected


def test_an_address_without_a_usable_letter_still_has_a_nickname() -> None:
    """The property is required."""
    assert nickname("!!@c.org")


def test_the_list_of_accounts_follows_its_pages() -> None:
    """A tenant has more accounts than a page."""
    first, second = (
        {"id": "1", "userPrincipalName": "a@b.c"},
        {"id": "2", "userPrincipalName": "B@b.c"},
    )
    following = "https://graph.microsoft.com/v1.0/users?$skiptoken=x"
    with GraphDesk(page(first, next_link=following), page(second)) as desk:
        found = [account.address for account in desk.directory.accounts()]

    assert found == ["a@b.c", "b@b.c"]
    assert desk.asked[0].startswith("GET /users?$select=id,userPrincipalName,")
    assert desk.asked[0].endswith("&$top=999")


def test_a_deleted_account_loses_the_identifier_in_front_of_its_name() -> None:
    """The service puts it there, so that the name is free again."""
    user = {
        "id": ID,
        "displayName": "Ann",
        "userPrincipalName": f"{ID.replace('-', '')}ann@contoso.com",
        "proxyAddresses": ["SMTP:ann@contoso.com", "smtp:a.b@contoso.com"],
    }
    with GraphDesk(page(user)) as desk:
        found = desk.directory.deleted_accounts()

    assert found == (DeletedAccount(ID, "Ann", ("ann@contoso.com", "a.b@contoso.com")),)


def test_the_deleted_accounts_are_read_once_for_many() -> None:
    """A batch of a thousand new accounts asks a thousand times."""
    with GraphDesk(page()) as desk:
        desk.directory.deleted_accounts(600.0)
        desk.directory.deleted_accounts(600.0)

    assert len(desk.asked) == 1
