"""How the tenant's directory says no.

Source: Microsoft Graph, "Microsoft Graph error responses and resource types"; the sentences are those administrators
report from the service for "user: assignLicense", "Create user" and "Resolve group license assignment problems".
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why the directory refused, independent of the sentence it uses."""

    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    INVALID = "invalid"
    WEAK_PASSWORD = "weak_password"
    PRIVILEGED = "privileged"
    USAGE_LOCATION = "usage_location"
    OUT_OF_SEATS = "out_of_seats"
    PLAN_DEPENDENCY = "plan_dependency"
    PLAN_CONFLICT = "plan_conflict"
    GROUP_MANAGED = "group_managed"
    NOT_LICENSED = "not_licensed"
    UNKNOWN_LICENCE = "unknown_licence"
    DNS_NOT_VISIBLE = "dns_not_visible"


@dataclass(frozen=True)
class Detail:
    """One entry of the error's `details`."""

    code: str
    target: str
    message: str


class DirectoryRefused(Exception):
    """The directory refused a read or a write; nothing has changed."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        status: int = 400,
        code: str = "Request_BadRequest",
        details: tuple[Detail, ...] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = status
        self.code = code
        self.details = details


def missing(name: str) -> DirectoryRefused:
    """No such object, or not yet where this reader looks."""
    return DirectoryRefused(
        Reason.NOT_FOUND,
        f"Resource '{name}' does not exist or one of its queried reference-property objects are not present.",
        status=404,
        code="Request_ResourceNotFound",
    )


def company_not_readable() -> DirectoryRefused:
    """A new object, written here, not yet known there."""
    return DirectoryRefused(
        Reason.NOT_FOUND,
        "Unable to read the company information from the directory.",
        status=404,
        code="Directory_ObjectNotFound",
    )


def taken(prop: str) -> DirectoryRefused:
    """Another object holds the value."""
    sentence = f"Another object with the same value for property {prop} already exists."
    return DirectoryRefused(
        Reason.ALREADY_EXISTS, sentence, details=(Detail("ObjectConflict", prop, sentence),)
    )


def invalid(prop: str) -> DirectoryRefused:
    """The value of one property is not acceptable."""
    sentence = f"Invalid value specified for property '{prop}' of resource 'User'."
    return DirectoryRefused(
        Reason.INVALID, sentence, details=(Detail("InvalidValue", prop, sentence),)
    )


def invalid_values() -> DirectoryRefused:
    """Some property is not acceptable, and the service does not say which."""
    return DirectoryRefused(Reason.INVALID, "One or more properties contains invalid values.")


def required(prop: str) -> DirectoryRefused:
    """A property that must be there is not."""
    return DirectoryRefused(
        Reason.INVALID, f"A value is required for property '{prop}' of resource 'User'."
    )


def weak_password() -> DirectoryRefused:
    """Too short, too long, too plain, or on the banned list; the service does not say which."""
    return DirectoryRefused(
        Reason.WEAK_PASSWORD,
        "The specified password does not comply with password complexity requirements. "
        "Please provide a different password.",
    )


def privileged() -> DirectoryRefused:
    """The account has an administrator's role, and the app has none that stands above it."""
    return DirectoryRefused(
        Reason.PRIVILEGED,
        "Insufficient privileges to complete the operation.",
        status=403,
        code="Authorization_RequestDenied",
    )


def usage_location_invalid() -> DirectoryRefused:
    """The usage location is missing, wrong, or not yet replicated."""
    return DirectoryRefused(
        Reason.USAGE_LOCATION,
        "License assignment cannot be done for user with invalid usage location.",
    )


def out_of_seats(sku_id: str) -> DirectoryRefused:
    """Every seat is taken."""
    return DirectoryRefused(
        Reason.OUT_OF_SEATS, f"Subscription with SKU {sku_id} does not have any available licenses."
    )


def plan_dependency(child: str, parents: tuple[str, ...]) -> DirectoryRefused:
    """A plan is on while the one it needs is off."""
    return DirectoryRefused(
        Reason.PLAN_DEPENDENCY,
        f"License assignment failed because service plan {child} depends on the service plan(s) "
        f"{', '.join(parents)}",
    )


def plan_conflict(first: str, second: str) -> DirectoryRefused:
    """Two plans that exclude each other are on."""
    return DirectoryRefused(
        Reason.PLAN_CONFLICT,
        f"License assignment failed because service plans {first}, {second} are mutually exclusive",
    )


def group_managed() -> DirectoryRefused:
    """The licence comes from a group."""
    return DirectoryRefused(
        Reason.GROUP_MANAGED,
        "User license is inherited from a group membership and it cannot be removed directly from the user.",
    )


def not_licensed() -> DirectoryRefused:
    """A licence that is not there cannot be taken away."""
    return DirectoryRefused(Reason.NOT_LICENSED, "User does not have a corresponding license.")


def unknown_licence(sku_id: str) -> DirectoryRefused:
    """The tenant never bought it."""
    return DirectoryRefused(
        Reason.UNKNOWN_LICENCE, f"License {sku_id} does not correspond to a valid company License."
    )


def foreign_plan(plan_id: str, sku_id: str) -> DirectoryRefused:
    """A plan to be switched off is not part of the licence."""
    return DirectoryRefused(
        Reason.UNKNOWN_LICENCE,
        f"The service plan {plan_id} in disabledPlans is not part of license {sku_id}.",
    )


def dns_not_visible(domain: str) -> DirectoryRefused:
    """The record that proves ownership is not in public DNS."""
    return DirectoryRefused(
        Reason.DNS_NOT_VISIBLE,
        f"Domain verification failed: the verification record of '{domain}' was not found in DNS.",
    )
