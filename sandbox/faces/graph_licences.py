"""Licences over Graph: what the tenant has, what a user has, giving and taking.

Source: Microsoft Graph, "List subscribedSkus", "user: assignLicense", "List licenseDetails", "licenseAssignmentState
resource type", "assignedPlan resource type".
"""

import re
from datetime import datetime
from typing import Any

from sandbox.faces import graph_errors as errors
from sandbox.faces.graph_operations import Operation
from sandbox.faces.graph_query import selected
from sandbox.faces.graph_wire import Call, Json, Reply, without_annotations
from sandbox.world.directory import Directory, User
from sandbox.world.licences import Licence, LicenceChange, Plan, Product

ORGANIZATION_READERS = frozenset(
    {
        "Organization.Read.All",
        "Organization.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
        "LicenseAssignment.Read.All",
        "LicenseAssignment.ReadWrite.All",
    }
)
LICENCE_WRITERS = frozenset(
    {"LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
)
LICENCE_READERS = frozenset(
    {"LicenseAssignment.Read.All", "User.Read.All", "Directory.Read.All", *LICENCE_WRITERS}
)
SKU_PROPERTIES = (
    "accountId",
    "accountName",
    "appliesTo",
    "capabilityStatus",
    "consumedUnits",
    "id",
    "prepaidUnits",
    "servicePlans",
    "skuId",
    "skuPartNumber",
    "subscriptionIds",
)
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def list_subscribed_skus(call: Call) -> Reply:
    """All products of the tenant in one page; only `$select` is supported."""
    tenant = call.world.tenant
    wanted = selected(call.request.query)
    for name in wanted or ():
        if name not in SKU_PROPERTIES:
            raise errors.unknown_property(name, "SubscribedSku", outlook=False)
    skus = [
        _sku(tenant.directory, product, tenant.tenant_id, tenant.initial_domain)
        for product in tenant.directory.shelf.products.values()
    ]
    value = [{name: sku[name] for name in wanted or SKU_PROPERTIES} for sku in skus]
    return Reply(200, {"@odata.context": call.context("subscribedSkus"), "value": value})


def assign_license(call: Call) -> Reply:
    """Give and take licences; the answer is the user."""
    body = without_annotations(call.json())
    for name in body:
        if name not in ("addLicenses", "removeLicenses"):
            raise errors.bad_request(
                f"The parameter '{name}' in the request payload is not a valid parameter for the operation "
                "'assignLicense'."
            )
    for name in ("addLicenses", "removeLicenses"):
        if not isinstance(body.get(name), list):
            raise errors.bad_request(
                f"One or more parameters of the operation 'assignLicense' are missing from the request payload. "
                f"The missing parameters are: {name}."
            )
    change = LicenceChange(
        {_guid(entry, "skuId"): _disabled(entry) for entry in body["addLicenses"]},
        frozenset(_guid_text(sku_id) for sku_id in body["removeLicenses"]),
    )
    user = call.world.tenant.directory.assign(call.names["user"], change)
    answer = {
        "@odata.context": call.context("users/$entity"),
        "id": user.user_id,
        "displayName": user.display_name,
        "mail": user.mail,
        "userPrincipalName": user.upn,
        "usageLocation": user.usage_location,
        "assignedLicenses": assigned_licenses(user),
    }
    return Reply(200, answer)


def license_details(call: Call) -> Reply:
    """One entry for each product the user has."""
    directory = call.world.tenant.directory
    user = directory.user(call.names["user"])
    value = []
    for sku_id in sorted({licence.sku_id for licence in user.licences}):
        product = directory.shelf.products[sku_id]
        on = directory.shelf.enabled_plans(
            licence for licence in user.licences if licence.sku_id == sku_id
        )
        plans = [{**_plan(plan), "provisioningStatus": _status(plan, on)} for plan in product.plans]
        value.append(
            {
                "id": sku_id,
                "skuId": sku_id,
                "skuPartNumber": product.part_number,
                "servicePlans": plans,
            }
        )
    context = call.context(f"users('{user.user_id}')/licenseDetails")
    return Reply(200, {"@odata.context": context, "value": value})


def assigned_licenses(user: User) -> list[Json]:
    """The property `assignedLicenses`: one entry a product, whoever gave it."""
    merged: dict[str, frozenset[str]] = {}
    for licence in user.licences:
        both = merged.get(licence.sku_id, licence.disabled_plans)
        merged[licence.sku_id] = both & licence.disabled_plans
    return [
        {"skuId": sku_id, "disabledPlans": sorted(disabled)} for sku_id, disabled in merged.items()
    ]


def license_assignment_states(user: User) -> list[Json]:
    """The property `licenseAssignmentStates`: one entry a product and a giver."""
    return [_state(licence) for licence in user.licences]


def assigned_plans(directory: Directory, user: User) -> list[Json]:
    """The property `assignedPlans`: entitled or not, which says nothing of the mailbox."""
    plans: dict[str, Json] = {}
    for licence in user.licences:
        for plan in directory.shelf.products[licence.sku_id].plans:
            on = plan.plan_id not in licence.disabled_plans
            if on or plan.plan_id not in plans:
                plans[plan.plan_id] = {
                    "assignedDateTime": _instant(licence.updated_utc),
                    "capabilityStatus": "Enabled" if on else "Deleted",
                    "service": plan.service,
                    "servicePlanId": plan.plan_id,
                }
    return list(plans.values())


def provisioned_plans(call: Call, user: User) -> list[Json]:
    """The property `provisionedPlans`: by service; Exchange is done when the mailbox is open."""
    directory = call.world.tenant.directory
    on = directory.shelf.enabled_plans(user.licences)
    services = {
        plan.service
        for licence in user.licences
        for plan in directory.shelf.products[licence.sku_id].plans
        if plan.plan_id in on
    }
    is_open = call.world.tenant.mailboxes.of_user(user.user_id) is not None
    return [
        {
            "capabilityStatus": "Enabled",
            "provisioningStatus": "Success"
            if is_open or service != "exchange"
            else "PendingProvisioning",
            "service": service,
        }
        for service in sorted(services)
    ]


def _sku(directory: Directory, product: Product, tenant_id: str, account_name: str) -> Json:
    seats = directory.shelf.seats[product.sku_id]
    return {
        "accountId": tenant_id,
        "accountName": account_name.partition(".")[0],
        "appliesTo": "User",
        "capabilityStatus": seats.capability_status(),
        "consumedUnits": directory.consumed(product.sku_id),
        "id": f"{tenant_id}_{product.sku_id}",
        "prepaidUnits": {
            "enabled": seats.enabled,
            "suspended": seats.suspended,
            "warning": seats.warning,
            "lockedOut": seats.locked_out,
        },
        "servicePlans": [
            {**_plan(plan), "provisioningStatus": plan.provisioning_status}
            for plan in product.plans
        ],
        "skuId": product.sku_id,
        "skuPartNumber": product.part_number,
        "subscriptionIds": [],
    }


def _plan(plan: Plan) -> Json:
    return {
        "servicePlanId": plan.plan_id,
        "servicePlanName": plan.name,
        "appliesTo": plan.applies_to,
    }


def _status(plan: Plan, on: frozenset[str]) -> str:
    return plan.provisioning_status if plan.plan_id in on else "Disabled"


def _state(licence: Licence) -> Json:
    return {
        "skuId": licence.sku_id,
        "disabledPlans": sorted(licence.disabled_plans),
        "assignedByGroup": licence.group_id,
        "state": licence.state,
        "error": licence.error,
        "lastUpdatedDateTime": _instant(licence.updated_utc),
    }


def _disabled(entry: Json) -> frozenset[str]:
    return frozenset(_guid_text(plan_id) for plan_id in entry.get("disabledPlans") or ())


def _guid(entry: Any, name: str) -> str:
    if not isinstance(entry, dict):
        raise errors.bad_request("Invalid JSON: an object was expected in 'addLicenses'.")
    for prop in without_annotations(entry):
        if prop not in ("skuId", "disabledPlans"):
            raise errors.bad_request(
                f"The property '{prop}' does not exist on type 'microsoft.graph.assignedLicense'. Make sure to only "
                "use property names that are defined by the type."
            )
    return _guid_text(entry.get(name))


def _guid_text(value: Any) -> str:
    if not isinstance(value, str) or not _GUID.fullmatch(value):
        raise errors.bad_request(
            f"Cannot convert the literal '{value}' to the expected type 'Edm.Guid'."
        )
    return value.lower()


def _instant(when_utc: datetime) -> str:
    return when_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


OPERATIONS = (
    Operation(
        "GET",
        "subscribedSkus",
        list_subscribed_skus,
        ORGANIZATION_READERS,
        frozenset({"$select"}),
        units=3,
    ),
    Operation("POST", "users/{user}/assignLicense", assign_license, LICENCE_WRITERS),
    Operation(
        "GET",
        "users/{user}/licenseDetails",
        license_details,
        LICENCE_READERS,
        frozenset({"$select"}),
        units=2,
    ),
)
