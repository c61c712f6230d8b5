"""What Exchange's refusals mean to the product.

The gateway names a .NET type in `details[0].message`, as `id|type|text`; sometimes that message is JSON, sometimes
there are no details at all. The type decides before the status, because transient failures come with HTTP 400 too.
Source: answers of the admin gateway as the Exchange Online PowerShell module (V3) and other clients meet them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from bascule.adapters.retry_after import retry_after_s
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Throttled, Unreachable

# Without a hint: long enough for other requests of the tenant to end, short beside any stage's patience.
WAIT_DEFAULT_S = 30.0
TEXT_LENGTH_MAX = 300
# Wrapped errors have been seen one level deep; a few more cost nothing, an endless nest is no error text.
NESTING_MAX = 4


class Kind(StrEnum):
    """What a refusal is about, as far as callers tell refusals apart."""

    NOT_FOUND = "not found"
    AMBIGUOUS = "ambiguous"
    ALREADY_MEMBER = "already a member"
    NOT_MEMBER = "not a member"
    NAME_TAKEN = "name taken"
    NOT_GROUP_MANAGER = "not a manager of the group"
    BAD_REQUEST = "malformed request"
    NOT_ACCEPTED_DOMAIN = "domain not accepted"
    TRANSIENT = "transient"
    FORBIDDEN = "forbidden"
    OTHER = "refused"


# Types are compared by how they end. Order matters: the first match wins.
KINDS_BY_TYPE = MappingProxyType(
    {
        "ManagementObjectNotFoundException": Kind.NOT_FOUND,
        "ManagementObjectAmbiguousException": Kind.AMBIGUOUS,
        "MemberAlreadyExistsException": Kind.ALREADY_MEMBER,
        "MemberNotFoundException": Kind.NOT_MEMBER,
        "ADObjectAlreadyExistsException": Kind.NAME_TAKEN,
        "ProxyAddressExistsException": Kind.NAME_TAKEN,
        "OperationRequiresGroupManagerException": Kind.NOT_GROUP_MANAGER,
        "AmbiguousParameterSetException": Kind.BAD_REQUEST,
        "ParameterTransformationException": Kind.BAD_REQUEST,
        "ParameterBindingException": Kind.BAD_REQUEST,
        "NotAcceptedDomainException": Kind.NOT_ACCEPTED_DOMAIN,
        "CmdletProxyNotAvailableFailure": Kind.TRANSIENT,
        "ServerBusyException": Kind.TRANSIENT,
        "TransientException": Kind.TRANSIENT,
        "BackendCommunicationException": Kind.TRANSIENT,
        "UnableToWriteToAadException": Kind.TRANSIENT,
    }
)
_NAME_CONVERSION = "NameConversion"
# Says nothing but that a cmdlet failed.
_GENERIC_TYPE = "DirectInvokeCmdletExecutionException"
_BUSY_TENANT = re.compile(r"maximum number of concurrent requests per tenant", re.IGNORECASE)
_STALE_PAGE = re.compile(r"expired or invalid pagination request", re.IGNORECASE)
_REQUEST_TIMEOUT = 408


class CmdletRefused(Refusal):
    """Exchange understood the call and will not do it; `kind` says what it is about."""

    def __init__(self, kind: Kind, code: Code, detail: str, vendor_text: str) -> None:
        super().__init__(code, detail)
        self.kind = kind
        self.vendor_text = vendor_text


@dataclass(frozen=True)
class Failure:
    """A failed answer, taken apart."""

    status: int
    net_type: str
    # May quote what was sent, a CSV with passwords included: never in a repr.
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> Kind:
        """The kind of its type, or of its status."""
        for ending, kind in KINDS_BY_TYPE.items():
            if self.net_type.endswith(ending):
                return kind
        if _NAME_CONVERSION in self.net_type.rpartition(".")[2]:
            return Kind.NAME_TAKEN
        if self.status in (401, 403):
            return Kind.FORBIDDEN
        is_servers_fault = self.status >= 500 or self.status == _REQUEST_TIMEOUT
        return Kind.TRANSIENT if is_servers_fault else Kind.OTHER


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    """Take a failed answer apart, whatever its body claims to be; the status is never lost."""
    clean = body.decode("utf-8", errors="replace").replace("\x00", "").strip()
    named = {name.lower(): value for name, value in headers.items()}
    error = _json_object(clean).get("error")
    if isinstance(error, dict):
        net_type, text = _described(error)
    else:
        net_type, text = "", clean
    if status in (401, 403) and not text:
        text = named.get("x-ms-diagnostics", "")
    return Failure(status, net_type or named.get("x-exceptiontype", ""), text, named)


def read_inner_errors(errors: list[Any], headers: Mapping[str, str]) -> Failure:
    """The failure inside an answer that claims success: `@adminapi.errors` was not empty."""
    net_type, text = _split(errors[0] if isinstance(errors[0], str) else json.dumps(errors[0]))
    return Failure(200, net_type, text, {name.lower(): v for name, v in headers.items()})


def domain_error(cmdlet: str, failure: Failure, *, may_quote: bool = True) -> BasculeError:
    """The error to raise; with `may_quote` off the service's own words stay out of its message."""
    if failure.status == 429 or _BUSY_TENANT.search(failure.text):
        wait_s = retry_after_s(failure.headers, WAIT_DEFAULT_S)
        return Throttled(wait_s, f"{cmdlet}: Exchange asks for patience")
    where = _where(cmdlet, failure)
    kind = failure.kind
    if kind is Kind.TRANSIENT or _STALE_PAGE.search(failure.text):
        if "retry-after" in failure.headers:
            return Throttled(retry_after_s(failure.headers, WAIT_DEFAULT_S), where)
        return Unreachable(where)
    words = f": {failure.text[:TEXT_LENGTH_MAX]}" if may_quote and failure.text else ""
    is_ours_to_permit = kind in (Kind.FORBIDDEN, Kind.NOT_GROUP_MANAGER)
    code = Code.PERMISSION_MISSING if is_ours_to_permit else Code.REQUEST_REJECTED
    return CmdletRefused(kind, code, where + words, failure.text)


def _where(cmdlet: str, failure: Failure) -> str:
    parts = [f"{cmdlet}: {failure.kind} (HTTP {failure.status}"]
    if failure.net_type:
        parts.append(failure.net_type.rpartition(".")[2])
    if "request-id" in failure.headers:
        parts.append(f"request-id {failure.headers['request-id']}")
    return ", ".join(parts) + ")"


def _described(error: dict[str, Any], depth: int = 0) -> tuple[str, str]:
    """Type and text of an error object: the typed detail, else the inner exception, else whatever words there are."""
    message = str(error.get("message") or "")
    details = error.get("details") or [{}]
    detail_type, detail = _split(str(_object(details[0]).get("message") or ""), depth)
    if detail_type:
        return detail_type, detail
    inner = _object(error.get("innererror") or error.get("innerError"))
    inside = _object(inner.get("internalexception"))
    net_type = str(inside.get("type") or "")
    if net_type and not net_type.endswith(_GENERIC_TYPE):
        return net_type, str(inside.get("message") or detail or message)
    message_type, text = _split(message, depth)
    return message_type, text if message_type else detail or text


def _split(message: str, depth: int = 0) -> tuple[str, str]:
    """`id|type|text`, or JSON with TypeName and Message, or JSON behind a sentence; else all of it is text."""
    parts = message.split("|", 2)
    if len(parts) == 3 and "." in parts[1] and " " not in parts[1]:
        return parts[1].strip(), parts[2].strip()
    start = message.find("{")
    inside = _json_object(message[start:]) if start >= 0 else {}
    if not inside or depth >= NESTING_MAX:
        return "", message.strip()
    return _unwrapped(inside, message, depth)


def _unwrapped(inside: dict[str, Any], message: str, depth: int) -> tuple[str, str]:
    nested = inside.get("error")
    if isinstance(nested, dict):
        return _described(nested, depth + 1)
    text = str(inside.get("Message") or inside.get("message") or message)
    net_type = str(inside.get("TypeName") or "")
    return (net_type, text.strip()) if net_type else _split(text, depth + 1)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _json_object(text: str) -> dict[str, Any]:
    try:
        return _object(json.loads(text))
    except ValueError:  # the content type can lie: the status and the plain text still count
        return {}
