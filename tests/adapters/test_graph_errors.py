"""The error table of Graph: every answer the vendor is known to give, and what it means here."""

import pytest

from bascule.adapters.graph.errors import (
    CONCURRENT_WAIT_S,
    RULES,
    Failure,
    GraphMissing,
    GraphRefused,
    Meaning,
    domain_error,
    meaning_of,
    row_of,
)
from bascule.domain.codes import Code
from bascule.domain.errors import Throttled, Unreachable

BAD = "Request_BadRequest"
A, B = "57ff2da0-773e-42df-b2af-ffb7a2317929", "0feaeb32-d00e-4d66-bd5a-43b5b83db82c"
UPN = (("ObjectConflict", "userPrincipalName"),)
NICK = (("InvalidValue", "mailNickname"),)

# Sentences as administrators report them from the service, one row for each kind of answer.
ANSWERS = [
    (
        Failure(
            400, BAD, "License assignment cannot be done for user with invalid usage location."
        ),
        Meaning.USAGE_LOCATION,
        Code.USAGE_LOCATION_INVALID,
    ),
    (
        Failure(400, BAD, f"Subscription with SKU {A} does not have any available licenses."),
        Meaning.NO_SEAT,
        Code.NO_SEAT,
    ),
    (
        Failure(
            400,
            BAD,
            f"License assignment failed because service plan {A} depends on the service plan(s) {B}",
        ),
        Meaning.PLAN_DEPENDENCY,
        Code.PLAN_DEPENDENCY,
    ),
    (
        Failure(
            400,
            BAD,
            f"License assignment failed because service plans {A}, {B} are mutually exclusive",
        ),
        Meaning.PLAN_CONFLICT,
        Code.PLAN_CONFLICT,
    ),
    (
        Failure(
            400,
            BAD,
            "User license is inherited from a group membership and it cannot be removed directly "
            "from the user.",
        ),
        Meaning.GROUP_MANAGED,
        Code.LICENCE_INHERITED,
    ),
    (
        Failure(400, BAD, "User does not have a corresponding license."),
        Meaning.NOT_LICENSED,
        Code.LICENCE_REFUSED,
    ),
    (
        Failure(400, BAD, f"License {A} does not correspond to a valid company License."),
        Meaning.LICENCE_UNKNOWN,
        Code.LICENCE_UNKNOWN,
    ),
    (
        Failure(400, BAD, f"The service plan {A} in disabledPlans is not part of license {B}."),
        Meaning.LICENCE_UNKNOWN,
        Code.LICENCE_UNKNOWN,
    ),
    (
        Failure(
            400,
            BAD,
            "Another object with the same value for property userPrincipalName already exists.",
            UPN,
        ),
        Meaning.TAKEN,
        Code.ACCOUNT_CONFLICT,
    ),
    (
        Failure(
            400,
            BAD,
            "Another object with the same value for property proxyAddresses already exists.",
        ),
        Meaning.TAKEN,
        Code.ACCOUNT_CONFLICT,
    ),
    (
        Failure(
            400,
            BAD,
            "Invalid value specified for property 'mailNickname' of resource 'User'.",
            NICK,
        ),
        Meaning.INVALID_VALUE,
        Code.ACCOUNT_INVALID,
    ),
    (
        Failure(400, BAD, "One or more properties contains invalid values."),
        Meaning.INVALID_VALUE,
        Code.ACCOUNT_INVALID,
    ),
    (
        Failure(
            400,
            BAD,
            "The specified password does not comply with password complexity requirements.",
        ),
        Meaning.WEAK_PASSWORD,
        Code.PASSWORD_REFUSED,
    ),
    (
        Failure(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ),
        Meaning.FORBIDDEN,
        Code.PERMISSION_MISSING,
    ),
    *(
        (Failure(403, code), Meaning.FORBIDDEN, Code.PERMISSION_MISSING)
        for code in ("ErrorAccessDenied", "accessDenied", "")
    ),
    *(
        (Failure(401, code), Meaning.TOKEN_REFUSED, Code.PERMISSION_MISSING)
        for code in ("InvalidAuthenticationToken", "unauthenticated", "")
    ),
    (Failure(403, "Directory_QuotaExceeded"), Meaning.DENIED, Code.REQUEST_REJECTED),
    (Failure(401, "SomethingNew"), Meaning.DENIED, Code.REQUEST_REJECTED),
    (
        Failure(
            400,
            BAD,
            "Invalid value specified for property 'passwordPolicies' of resource 'User'.",
            (("InvalidValue", "passwordPolicies"),),
        ),
        Meaning.INVALID_VALUE,
        Code.ACCOUNT_INVALID,
    ),
    (Failure(400, BAD, "something new"), Meaning.OTHER, Code.REQUEST_REJECTED),
]
MISSING = [
    (
        Failure(
            404,
            "Request_ResourceNotFound",
            "Resource 'x' does not exist or one of its queried reference-property objects are "
            "not present.",
        ),
        Meaning.OBJECT_MISSING,
    ),
    (
        Failure(
            404,
            "Directory_ObjectNotFound",
            "Unable to read the company information from the directory.",
        ),
        Meaning.NOT_REPLICATED,
    ),
    (
        Failure(404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, ..."),
        Meaning.MAILBOX_MISSING,
    ),
    (
        Failure(
            404,
            "MailboxNotSupportedForRESTAPI",
            "REST API is not yet supported for this mailbox.",
        ),
        Meaning.MAILBOX_MISSING,
    ),
    (
        Failure(404, "ResourceNotFound", "Resource could not be discovered."),
        Meaning.MAILBOX_MISSING,
    ),
    (
        Failure(404, "ErrorInvalidUser", "The requested user 'x' is invalid."),
        Meaning.MAILBOX_MISSING,
    ),
    (
        Failure(
            404,
            "ErrorItemNotFound",
            "The specified object was not found in the store., The process failed to get the "
            "correct properties.",
        ),
        Meaning.MAILBOX_MISSING,
    ),
    (
        Failure(404, "ErrorItemNotFound", "The specified object was not found in the store."),
        Meaning.ITEM_MISSING,
    ),
]


@pytest.mark.parametrize(("failure", "meaning", "code"), ANSWERS, ids=lambda x: str(x)[:40])
def test_each_known_refusal_has_its_code(failure: Failure, meaning: Meaning, code: Code) -> None:
    """The operator acts on the code; a wrong one sends him to the wrong page."""
    error = domain_error("create", failure, fallback=Code.ACCOUNT_INVALID)

    assert meaning_of(failure) is meaning
    assert isinstance(error, GraphRefused)
    assert error.code is code


@pytest.mark.parametrize(
    ("fallback", "code"),
    [
        (Code.LICENCE_REFUSED, Code.LICENCE_REFUSED),
        (Code.ACCOUNT_INVALID, Code.REQUEST_REJECTED),
        (Code.USAGE_LOCATION_INVALID, Code.REQUEST_REJECTED),
    ],
)
def test_words_that_nobody_knows_are_called_unknown(fallback: Code, code: Code) -> None:
    """Sent to the page of a wrong reason, the operator corrects what was right."""
    error = domain_error("create", Failure(400, BAD, "something new"), fallback=fallback)

    assert isinstance(error, GraphRefused)
    assert error.code is code


@pytest.mark.parametrize(("failure", "meaning"), MISSING, ids=lambda x: str(x)[:40])
def test_each_404_is_a_not_yet_that_says_what_is_missing(
    failure: Failure, meaning: Meaning
) -> None:
    """Replication and provisioning end by themselves; the caller knows what absence can mean."""
    error = domain_error("read", failure, fallback=Code.REQUEST_REJECTED)

    assert isinstance(error, GraphMissing)
    assert error.meaning is meaning
    assert error.wait_s > 0


def test_every_row_of_the_table_is_reached_by_a_known_answer() -> None:
    """A row that nothing reaches is a row that an earlier one hides."""
    known = [failure for failure, *_ in ANSWERS + MISSING]
    passing = [Failure(409, "Directory_ConcurrencyViolation"), Failure(429), Failure(424)]
    reached = {row_of(failure) for failure in known + passing}

    assert [rule for row, rule in enumerate(RULES) if row not in reached] == []


def test_a_denial_that_nobody_knows_is_told_in_the_services_own_words() -> None:
    """Sent to grant rights, the operator grants too much and the quota is still used up."""
    words = "The directory object quota limit for the tenant has been exceeded."
    failure = Failure(403, "Directory_QuotaExceeded", words)
    error = domain_error("create", failure, fallback=Code.ACCOUNT_INVALID)

    assert words in str(error)


@pytest.mark.parametrize("status", [409, 503])
def test_concurrent_writes_of_the_tenant_ask_for_a_short_wait(status: int) -> None:
    """Seen with both statuses; taken for a refusal it would set healthy mailboxes aside."""
    failure = Failure(status, "Directory_ConcurrencyViolation")
    error = domain_error("assign", failure, fallback=Code.LICENCE_REFUSED)

    assert isinstance(error, Throttled)
    assert error.wait_s == CONCURRENT_WAIT_S


@pytest.mark.parametrize("code", ["TooManyRequests", "activityLimitReached", ""])
def test_a_429_waits_exactly_as_told(code: str) -> None:
    """Calls made earlier keep counting while throttled."""
    failure = Failure(429, code, headers={"Retry-After": "137"})
    error = domain_error("read", failure, fallback=Code.REQUEST_REJECTED)

    assert isinstance(error, Throttled)
    assert error.wait_s == 137


@pytest.mark.parametrize("status", [408, 424, 500, 502, 503, 504])
def test_a_failing_service_is_unreachable(status: int) -> None:
    """The effect may have happened; the caller looks before it acts again."""
    error = domain_error("read", Failure(status), fallback=Code.REQUEST_REJECTED)

    assert isinstance(error, Unreachable)


def test_a_call_with_a_password_quotes_nothing_and_names_the_property() -> None:
    """The service may word a refusal by the value it did not like."""
    failure = Failure(400, BAD, "invalid value 'hunter2'", NICK)
    error = domain_error("create ann", failure, fallback=Code.ACCOUNT_INVALID, may_quote=False)

    assert "hunter2" not in str(error) + repr(error) + repr(failure)
    assert "mailNickname" in str(error)


def test_a_dependency_names_the_plans() -> None:
    """The operator has to know which service to switch on with it."""
    failure = Failure(400, BAD, f"service plan {A} depends on the service plan(s) {B}")
    error = domain_error("assign", failure, fallback=Code.LICENCE_REFUSED)

    assert A in str(error)
    assert B in str(error)
