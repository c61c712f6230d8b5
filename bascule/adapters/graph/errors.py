"""What Microsoft Graph's refusals mean to the product: one table, first match wins.

Licensing errors share one code, so their sentences have to be matched although the vendor promises nothing about
them; an unknown sentence falls back to the refusal that fits the call.
Source: Microsoft Learn, "Microsoft Graph error responses and resource types", "Microsoft Graph throttling guidance",
"Resolve group license assignment problems in Microsoft Entra ID".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import httpx

from bascule.adapters.retry_after import retry_after_s
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, NotYet, Refusal, Throttled, Unreachable

# The identity service counts writes in windows of some minutes; without a hint we come back well inside one.
THROTTLED_WAIT_S = 30.0
# "Please wait briefly and retry", says the service.
CONCURRENT_WAIT_S = 10.0
# Directory replication: seconds usually, minutes at worst.
REPLICATION_WAIT_S = 10.0
# A mailbox opens minutes after its licence.
MAILBOX_WAIT_S = 60.0
TEXT_LENGTH_MAX = 300

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Meaning(StrEnum):
    """What an answer says, as far as callers tell answers apart."""

    USAGE_LOCATION = "the usage location is missing, invalid, or not yet known to licensing"
    NO_SEAT = "the tenant has no seat left"
    PLAN_DEPENDENCY = "a service plan needs another one"
    PLAN_CONFLICT = "two service plans exclude each other"
    GROUP_MANAGED = "the licence comes from a group"
    NOT_LICENSED = "the account has no such licence"
    LICENCE_UNKNOWN = "the tenant has no such licence or plan"
    TAKEN = "another object has this address"
    INVALID_VALUE = "a value is not accepted"
    WEAK_PASSWORD = "the password is not accepted"  # noqa: S105  a reason, not a secret
    FORBIDDEN = "a permission is missing"
    OBJECT_MISSING = "the object is not there, or not yet"
    NOT_REPLICATED = "the object is new and not yet known everywhere"
    MAILBOX_MISSING = "the mailbox is not open, or not yet"
    ITEM_MISSING = "the item is not there"
    CONCURRENT = "the directory is busy with other writes of the tenant"
    THROTTLED = "too many requests"
    TOKEN_REFUSED = "the token is not accepted"  # noqa: S105  a reason, not a secret
    SERVER = "the service failed"
    DENIED = "refused, and nothing known says that a permission is missing"
    OTHER = "refused"


@dataclass(frozen=True)
class Rule:
    """One row of the table; a field that is left out matches anything."""

    meaning: Meaning
    statuses: frozenset[int] = frozenset()
    code: str | None = None
    """Empty: of an answer that names none."""
    detail_code: str = ""
    pattern: str = ""


@dataclass(frozen=True)
class Failure:
    """A failed answer, taken apart."""

    status: int
    code: str = ""
    # May quote what was sent, a password included: never in a repr.
    message: str = field(default="", repr=False)
    details: tuple[tuple[str, str], ...] = ()
    """(code, target) of each detail."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_id: str = ""


def _on(*statuses: int) -> frozenset[int]:
    return frozenset(statuses)


RULES: tuple[Rule, ...] = (
    Rule(Meaning.CONCURRENT, _on(409, 503), code="Directory_ConcurrencyViolation"),
    Rule(Meaning.THROTTLED, _on(429)),
    Rule(Meaning.TOKEN_REFUSED, _on(401), code="InvalidAuthenticationToken"),
    Rule(Meaning.TOKEN_REFUSED, _on(401), code="unauthenticated"),
    # Without a code the status is all that is said.
    Rule(Meaning.TOKEN_REFUSED, _on(401), code=""),
    Rule(Meaning.FORBIDDEN, _on(403), code="Authorization_RequestDenied"),
    Rule(Meaning.FORBIDDEN, _on(403), code="ErrorAccessDenied"),
    Rule(Meaning.FORBIDDEN, _on(403), code="accessDenied"),
    Rule(Meaning.FORBIDDEN, _on(403), code=""),
    # A quota, a policy, a feature that is off: granting rights would mend none of them.
    Rule(Meaning.DENIED, _on(401, 403)),
    Rule(Meaning.SERVER, _on(408, 424)),
    Rule(Meaning.MAILBOX_MISSING, _on(404), code="MailboxNotEnabledForRESTAPI"),
    Rule(Meaning.MAILBOX_MISSING, _on(404), code="MailboxNotSupportedForRESTAPI"),
    Rule(Meaning.MAILBOX_MISSING, _on(404), code="ResourceNotFound"),
    Rule(Meaning.MAILBOX_MISSING, _on(404), code="ErrorInvalidUser"),
    # Half provisioned: the code is that of a missing message, the sentence is not.
    Rule(Meaning.MAILBOX_MISSING, _on(404), pattern=r"failed to get the correct properties"),
    Rule(Meaning.OBJECT_MISSING, _on(404), code="Request_ResourceNotFound"),
    Rule(Meaning.NOT_REPLICATED, _on(404), code="Directory_ObjectNotFound"),
    Rule(Meaning.ITEM_MISSING, _on(404)),
    Rule(Meaning.USAGE_LOCATION, _on(400), pattern=r"invalid usage location"),
    Rule(Meaning.NO_SEAT, _on(400), pattern=r"not have any available licenses"),
    Rule(Meaning.PLAN_DEPENDENCY, _on(400), pattern=r"depends on the service plan"),
    Rule(Meaning.PLAN_CONFLICT, _on(400), pattern=r"mutually exclusive"),
    Rule(Meaning.GROUP_MANAGED, _on(400), pattern=r"inherited from a group membership"),
    Rule(Meaning.NOT_LICENSED, _on(400), pattern=r"not have a corresponding license"),
    Rule(Meaning.LICENCE_UNKNOWN, _on(400), pattern=r"not correspond to a valid company license"),
    Rule(Meaning.LICENCE_UNKNOWN, _on(400), pattern=r"service plan .* not part of license"),
    Rule(Meaning.TAKEN, _on(400, 409), detail_code="ObjectConflict"),
    Rule(Meaning.TAKEN, _on(400, 409), pattern=r"another object with the same value"),
    # The wording is not known for certain, so the one word that must be in it decides; `passwordPolicies` is another.
    Rule(Meaning.WEAK_PASSWORD, _on(400), pattern=r"\bpassword\b"),
    Rule(Meaning.INVALID_VALUE, _on(400), detail_code="InvalidValue"),
    Rule(Meaning.INVALID_VALUE, _on(400), pattern=r"invalid value"),
)

_CODES: Mapping[Meaning, Code] = MappingProxyType(
    {
        Meaning.USAGE_LOCATION: Code.USAGE_LOCATION_INVALID,
        Meaning.NO_SEAT: Code.NO_SEAT,
        Meaning.PLAN_DEPENDENCY: Code.PLAN_DEPENDENCY,
        Meaning.PLAN_CONFLICT: Code.PLAN_CONFLICT,
        Meaning.GROUP_MANAGED: Code.LICENCE_INHERITED,
        Meaning.NOT_LICENSED: Code.LICENCE_REFUSED,
        Meaning.LICENCE_UNKNOWN: Code.LICENCE_UNKNOWN,
        Meaning.TAKEN: Code.ACCOUNT_CONFLICT,
        Meaning.WEAK_PASSWORD: Code.PASSWORD_REFUSED,
        Meaning.FORBIDDEN: Code.PERMISSION_MISSING,
        Meaning.TOKEN_REFUSED: Code.PERMISSION_MISSING,
    }
)
_MISSING_WAITS_S: Mapping[Meaning, float] = MappingProxyType(
    {
        Meaning.OBJECT_MISSING: REPLICATION_WAIT_S,
        Meaning.NOT_REPLICATED: REPLICATION_WAIT_S,
        Meaning.MAILBOX_MISSING: MAILBOX_WAIT_S,
        Meaning.ITEM_MISSING: REPLICATION_WAIT_S,
    }
)


class GraphRefused(Refusal):
    """Graph will not do it; `meaning` says why."""

    def __init__(
        self, meaning: Meaning, code: Code, detail: str, plan_ids: tuple[str, ...] = ()
    ) -> None:
        super().__init__(code, detail)
        self.meaning = meaning
        self.plan_ids = plan_ids
        """Licences and plans that the refusal names, lower case, in its order."""


class GraphMissing(NotYet):
    """A 404: not there, or not yet; the caller knows which of the two it can be."""

    def __init__(self, meaning: Meaning, wait_s: float, detail: str) -> None:
        super().__init__(wait_s, detail)
        self.meaning = meaning


def meaning_of(failure: Failure) -> Meaning:
    """What the first row of the table that fits says."""
    row = row_of(failure)
    if row is not None:
        return RULES[row].meaning
    return Meaning.SERVER if failure.status >= 500 else Meaning.OTHER


def row_of(failure: Failure) -> int | None:
    """The index of the first row of the table that fits; None when none does."""
    return next((row for row, rule in enumerate(RULES) if _fits(rule, failure)), None)


def domain_error(
    doing: str, failure: Failure, *, fallback: Code, may_quote: bool = True
) -> BasculeError:
    """The error to raise; `fallback` is the code of a refusal that the table does not know.

    With `may_quote` off the service's own words stay out of the message, because the call carried a password.
    """
    meaning = meaning_of(failure)
    where = _where(doing, meaning, failure)
    if meaning is Meaning.THROTTLED:
        return Throttled(retry_after_s(failure.headers, THROTTLED_WAIT_S), where)
    if meaning is Meaning.CONCURRENT:
        return Throttled(retry_after_s(failure.headers, CONCURRENT_WAIT_S), where)
    if meaning is Meaning.SERVER:
        return Unreachable(where)
    if meaning in _MISSING_WAITS_S:
        return GraphMissing(meaning, _MISSING_WAITS_S[meaning], where)
    is_unknown = meaning in (Meaning.OTHER, Meaning.DENIED, Meaning.INVALID_VALUE)
    words = f": {failure.message[:TEXT_LENGTH_MAX]}" if may_quote and is_unknown else ""
    # Unknown words about a licence have a page of their own; all others are a request refused for no known reason.
    is_licence = fallback is Code.LICENCE_REFUSED
    is_named = meaning not in (Meaning.OTHER, Meaning.DENIED)
    unknown = fallback if is_licence or is_named else Code.REQUEST_REJECTED
    return GraphRefused(
        meaning, _CODES.get(meaning, unknown), where + words, _plan_ids(meaning, failure)
    )


def domain_error_of(
    doing: str, error: Exception, *, fallback: Code, may_quote: bool = True
) -> BasculeError | None:
    """What an exception out of the SDK means; None when it is a mistake of ours and has to stay visible."""
    if isinstance(error, BasculeError):
        return error
    failure = failure_of(error)
    if failure is not None:
        return domain_error(doing, failure, fallback=fallback, may_quote=may_quote)
    is_wire = isinstance(error, httpx.HTTPError | OSError | ValueError)
    if is_wire or type(error).__module__.startswith("kiota"):
        # The class alone: the text may hold URLs or what was sent.
        return Unreachable(f"{doing}: {type(error).__name__}")
    return None


def failure_of(error: Exception) -> Failure | None:
    """The answer inside the SDK's error; None when there was no answer. Known by shape: the SDK loads late."""
    status = getattr(error, "response_status_code", None)
    if not isinstance(status, int):
        return None
    main = getattr(error, "error", None)
    details = getattr(main, "details", None) or ()
    inner = getattr(main, "inner_error", None)
    headers = getattr(error, "response_headers", None) or {}
    return Failure(
        status=status,
        code=str(getattr(main, "code", "") or ""),
        message=str(getattr(main, "message", "") or ""),
        details=tuple((str(entry.code or ""), str(entry.target or "")) for entry in details),
        headers=dict(headers),
        request_id=str(getattr(inner, "request_id", "") or ""),
    )


def _fits(rule: Rule, failure: Failure) -> bool:
    return (
        (not rule.statuses or failure.status in rule.statuses)
        and (rule.code is None or rule.code.lower() == failure.code.lower())
        and (not rule.detail_code or any(code == rule.detail_code for code, _ in failure.details))
        and (not rule.pattern or bool(re.search(rule.pattern, failure.message, re.IGNORECASE)))
    )


def _where(doing: str, meaning: Meaning, failure: Failure) -> str:
    targets = [target for _, target in failure.details if target]
    plan_ids = _plan_ids(meaning, failure)
    parts = [f"HTTP {failure.status}", failure.code, *targets, *plan_ids]
    if failure.request_id:
        parts.append(f"request-id {failure.request_id}")
    return f"{doing}: {meaning} ({', '.join(filter(None, parts))})"


def _plan_ids(meaning: Meaning, failure: Failure) -> tuple[str, ...]:
    if meaning not in _PLAN_MEANINGS:
        return ()
    return tuple(found.lower() for found in _GUID.findall(failure.message))


_PLAN_MEANINGS = frozenset(
    {Meaning.PLAN_DEPENDENCY, Meaning.PLAN_CONFLICT, Meaning.LICENCE_UNKNOWN, Meaning.NO_SEAT}
)
