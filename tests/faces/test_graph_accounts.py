"""Accounts and licences through the simulated Graph: shapes, words and codes of the service."""

from typing import Any

import pytest

from sandbox.world.licences import Seats

# The fixtures' type; pytest loads conftest by path, so it cannot be imported by name.
GraphDesk = Any

NEW_USER = {
    "@odata.type": "#microsoft.graph.user",
    "accountEnabled": True,
    "displayName": "Ben",
    "mailNickname": "ben",
    "userPrincipalName": "ben@example.org",
    "usageLocation": "FR",
    "passwordProfile": {"password": "Tr0ub4dor&3", "forceChangePasswordNextSignIn": False},
}
BOTH_LISTS: dict[str, list[object]] = {"addLicenses": [], "removeLicenses": []}


def licence(desk: GraphDesk, part_number: str, *disabled: str) -> dict[str, Any]:
    """The body of assignLicense that adds one product."""
    entry = {"skuId": desk.sku_id(part_number), "disabledPlans": list(disabled)}
    return {**BOTH_LISTS, "addLicenses": [entry]}


def test_a_new_account_is_answered_with_the_default_properties(desk: GraphDesk) -> None:
    """A client that reads more from the answer would work here and find nothing in production."""
    reply = desk.call("POST", "users", NEW_USER)

    assert reply.status == 201
    assert reply.body["userPrincipalName"] == "ben@example.org"
    assert "usageLocation" not in reply.body
    assert "passwordProfile" not in reply.body


@pytest.mark.parametrize(
    "missing",
    ["accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"],
)
def test_an_account_needs_its_required_properties(desk: GraphDesk, missing: str) -> None:
    """A request the service refuses would pass its rehearsal."""
    body = {name: value for name, value in NEW_USER.items() if name != missing}

    assert desk.error("POST", "users", body) == (400, "Request_BadRequest")


def test_an_existing_name_is_an_object_conflict(desk: GraphDesk) -> None:
    """The product adopts its own account after a lost answer by this very code."""
    desk.call("POST", "users", NEW_USER)
    reply = desk.call("POST", "users", NEW_USER)

    assert reply.status == 400
    assert reply.body["error"]["details"] == [
        {
            "code": "ObjectConflict",
            "target": "userPrincipalName",
            "message": "Another object with the same value for property userPrincipalName already exists.",
        }
    ]


def test_only_selected_properties_come_and_unknown_ones_are_refused(desk: GraphDesk) -> None:
    """A misspelt property would be silently empty."""
    anna = desk.add_user()
    chosen = desk.get(f"users/{anna.upn}?$select=id,usageLocation,licenseAssignmentStates")

    assert set(chosen) == {"@odata.context", "id", "usageLocation", "licenseAssignmentStates"}
    assert desk.error("GET", f"users/{anna.upn}?$select=licenceStates") == (400, "BadRequest")


def test_a_nobody_is_not_found(desk: GraphDesk) -> None:
    """An account that does not exist would look like an error of the service."""
    assert desk.error("GET", "users/nobody@example.org") == (404, "Request_ResourceNotFound")


def test_users_are_found_by_filter_and_come_in_pages(desk: GraphDesk) -> None:
    """Searches would see the first page only, or everything at once."""
    for number in range(5):
        desk.add_user(f"user{number}")
    first = desk.get("users?$top=2&$select=id")
    second = desk.get(first["@odata.nextLink"])
    one = desk.get("users?$filter=userPrincipalName eq 'user3@example.org'")
    two = desk.get("users?$filter=userPrincipalName in ('user1@example.org', 'user2@example.org')")

    assert len(first["value"]) == len(second["value"]) == 2
    assert [user["displayName"] for user in one["value"]] == ["User3"]
    assert len(two["value"]) == 2


@pytest.mark.parametrize(
    "clause",
    ["department eq 'x'", "userPrincipalName like 'x'", "mail eq 'a' or mail eq 'b'", "mail eq"],
)
def test_a_filter_the_service_has_not_is_refused(desk: GraphDesk, clause: str) -> None:
    """A filter that is ignored answers with everybody."""
    assert desk.error("GET", f"users?$filter={clause}") == (400, "Request_UnsupportedQuery")


def test_a_password_is_changed_only_with_its_own_permission(desk: GraphDesk) -> None:
    """The permission people forget is the one the rehearsal must miss as well."""
    anna = desk.add_user()
    body = {"passwordProfile": {"password": "N3w-passphrase"}}
    writer = frozenset({"User.ReadWrite.All"})
    resetter = frozenset({"User-PasswordProfile.ReadWrite.All"})

    assert desk.error("PATCH", f"users/{anna.upn}", body, roles=writer) == (
        403,
        "Authorization_RequestDenied",
    )
    assert desk.call("PATCH", f"users/{anna.upn}", body, roles=resetter).status == 204
    assert desk.world.tenant.directory.truth(anna.upn).password_change_forced is True


@pytest.mark.parametrize(
    "body",
    [
        {"assignedLicenses": []},
        {"proxyAddresses": []},
        {"favouriteColour": "blue"},
        {"usageLocation": "UK"},
    ],
)
def test_what_cannot_be_changed_is_refused(desk: GraphDesk, body: dict[str, Any]) -> None:
    """A change that is ignored is believed."""
    anna = desk.add_user()

    assert desk.error("PATCH", f"users/{anna.upn}", body) == (400, "Request_BadRequest")


def test_the_stock_shows_every_product_and_nothing_can_be_filtered(desk: GraphDesk) -> None:
    """The one call that plans seats has no options but `$select`."""
    desk.world.tenant.directory.buy(
        "ENTERPRISEPACK", Seats(enabled=3, warning=1, suspended=2, locked_out=4)
    )
    anna = desk.add_user()
    desk.call("POST", f"users/{anna.user_id}/assignLicense", licence(desk, "ENTERPRISEPACK"))
    skus = {sku["skuPartNumber"]: sku for sku in desk.get("subscribedSkus")["value"]}
    pack = skus["ENTERPRISEPACK"]

    assert pack["prepaidUnits"] == {"enabled": 3, "suspended": 2, "warning": 1, "lockedOut": 4}
    assert pack["consumedUnits"] == 1
    assert pack["id"] == f"{desk.world.tenant.tenant_id}_{pack['skuId']}"
    assert {plan["appliesTo"] for plan in pack["servicePlans"]} == {"User", "Company"}
    assert desk.error("GET", "subscribedSkus?$top=5") == (400, "BadRequest")


def test_a_licence_shows_in_all_the_places_the_service_shows_it(desk: GraphDesk) -> None:
    """The read-back of a licence reads states, not the answer of the write."""
    anna = desk.add_user()
    teams = "57ff2da0-773e-42df-b2af-ffb7a2317929"
    path = f"users/{anna.user_id}"
    desk.call("POST", f"{path}/assignLicense", licence(desk, "STANDARDWOFFPACK_STUDENT", teams))
    shown = desk.get(f"{path}?$select=licenseAssignmentStates,assignedPlans,provisionedPlans")
    state = shown["licenseAssignmentStates"][0]
    plans = {plan["servicePlanId"]: plan["capabilityStatus"] for plan in shown["assignedPlans"]}

    assert (state["state"], state["error"], state["assignedByGroup"]) == ("Active", "None", None)
    assert state["disabledPlans"] == [teams]
    assert plans[teams] == "Deleted"
    assert plans["9aaf7827-d63c-4b61-89c3-182f06f82e5c"] == "Enabled"
    assert {
        plan["provisioningStatus"]
        for plan in shown["provisionedPlans"]
        if plan["service"] == "exchange"
    } == {"PendingProvisioning"}


def test_licence_details_say_which_plans_are_off(desk: GraphDesk) -> None:
    """An operator comparing with the admin centre would see other services."""
    anna = desk.add_user()
    teams = "57ff2da0-773e-42df-b2af-ffb7a2317929"
    path = f"users/{anna.user_id}"
    desk.call("POST", f"{path}/assignLicense", licence(desk, "STANDARDWOFFPACK_STUDENT", teams))
    plans = desk.get(f"{path}/licenseDetails")["value"][0]["servicePlans"]
    status = {plan["servicePlanName"]: plan["provisioningStatus"] for plan in plans}

    assert (status["TEAMS1"], status["EXCHANGE_S_STANDARD"]) == ("Disabled", "Success")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"addLicenses": []},
        {**BOTH_LISTS, "addLicenses": [{"skuId": "not-a-guid"}]},
        {**BOTH_LISTS, "addLicenses": [{"skuId": "x", "plans": []}]},
        {**BOTH_LISTS, "dryRun": True},
    ],
)
def test_a_malformed_assignment_is_refused(desk: GraphDesk, body: dict[str, Any]) -> None:
    """Both lists must be there; a client that leaves one out is refused by the service."""
    anna = desk.add_user()

    assert desk.error("POST", f"users/{anna.user_id}/assignLicense", body) == (400, "BadRequest")


def test_licensing_knows_a_country_later_than_the_write(stormy_desk: GraphDesk) -> None:
    """Create, then license at once: the service refuses now and then, and the product must wait."""
    anna = stormy_desk.add_user()
    stormy_desk.clock.pass_time(60)
    directory = stormy_desk.world.tenant.directory
    ben = stormy_desk.call("POST", "users", {**NEW_USER, "usageLocation": None})
    assert ben.status == 400
    body = {name: value for name, value in NEW_USER.items() if name != "usageLocation"}
    ben_id = stormy_desk.call("POST", "users", body).body["id"]
    stormy_desk.clock.pass_time(60)
    stormy_desk.call("PATCH", f"users/{ben_id}", {"usageLocation": "FR"})
    path = f"users/{ben_id}/assignLicense"
    codes = set()
    for _ in range(10):
        codes.add(stormy_desk.call("POST", path, licence(stormy_desk, "EXCHANGESTANDARD")).status)

    assert directory.truth(anna.user_id) is not None
    assert codes == {200, 400}


def test_deleted_accounts_are_listed_and_restored(desk: GraphDesk) -> None:
    """A rollback of an account made by mistake would not be possible to rehearse."""
    anna = desk.add_user()
    desk.call("DELETE", f"users/{anna.user_id}")
    listed = desk.get("directory/deletedItems/microsoft.graph.user?$select=id")["value"]
    restored = desk.call("POST", f"directory/deletedItems/{anna.user_id}/restore")

    assert listed == [{"id": anna.user_id}]
    assert restored.status == 200
    assert desk.get(f"users/{anna.user_id}")["userPrincipalName"] == anna.upn


def test_a_domain_is_added_proved_and_used(desk: GraphDesk) -> None:
    """The preparation of a tenant could not be rehearsed."""
    desk.call("POST", "domains", {"id": "school.org"})
    records = desk.get("domains/school.org/verificationDnsRecords")["value"]
    before = desk.error("POST", "domains/school.org/verify")
    text = next(record["text"] for record in records if record["recordType"] == "Txt")
    desk.world.tenant.directory.domains.publish("school.org", text)
    verified = desk.call("POST", "domains/school.org/verify")
    none_yet = desk.get("domains/school.org/serviceConfigurationRecords")["value"]
    desk.call("PATCH", "domains/school.org", {"supportedServices": ["Email"]})
    services = desk.get("domains/school.org/serviceConfigurationRecords")["value"]

    assert before == (400, "Request_BadRequest")
    assert verified.body["isVerified"] is True
    assert none_yet == []
    assert [record["recordType"] for record in services] == ["Mx", "Txt", "CName"]
    assert {record["@odata.type"][:25] for record in records} == {"#microsoft.graph.domainDn"}


def test_the_organisation_names_its_domains(desk: GraphDesk) -> None:
    """The initial domain, from which routing addresses are made, is read here."""
    organization = desk.get("organization")["value"][0]
    initial = [domain["name"] for domain in organization["verifiedDomains"] if domain["isInitial"]]

    assert organization["id"] == desk.world.tenant.tenant_id
    assert initial == ["exampleorg.onmicrosoft.com"]
