"""What Azure Storage and Key Vault answer when they refuse, in the words of our error tree."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from bascule.adapters.retry_after import retry_after_s
from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Throttled, Unreachable

# Storage partitions that are too busy recover within seconds; used when no Retry-After says so.
BUSY_WAIT_S = 10.0
TRANSIENT_STATUSES = frozenset({408, 500, 502, 503, 504})

# The adapters decide what these mean; they are answers, not failures.
ANSWERS = (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError)


@contextmanager
def azure_errors(doing: str) -> Iterator[None]:
    """Translate what Azure raises inside the block; `doing` says what was tried, without any secret.

    Lets pass: found, changed and not found (ANSWERS), which callers know how to read.

    Raises:
        Unreachable: no connection, no answer in time, 5xx.
        Throttled: 429, or 503 with the time to wait.
        Refusal(PERMISSION_MISSING): the identity is not configured, or lacks a role.
        Refusal(REQUEST_REJECTED): anything else the service refuses.

    Source: "Status and error codes" of the Storage REST reference, Microsoft Learn.
    """
    try:
        yield
    except ANSWERS:
        raise
    except AzureError as error:
        raise _translated(doing, error) from error


def _translated(doing: str, error: AzureError) -> BasculeError:
    if isinstance(error, ClientAuthenticationError):
        return Refusal(Code.PERMISSION_MISSING, f"{doing}: the identity of the app is not accepted")
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        return Unreachable(f"{doing}: no answer ({type(error).__name__})")
    status = error.status_code
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    wait_s = retry_after_s(headers, BUSY_WAIT_S)
    said = f"{doing}: answered {status} {_error_code(error)}".rstrip()
    if status == 429 or (status == 503 and "Retry-After" in headers):
        return Throttled(wait_s, said)
    if status in TRANSIENT_STATUSES:
        return Unreachable(said)
    if status in (401, 403):
        return Refusal(Code.PERMISSION_MISSING, f"{said}; grant the app's identity its role")
    return Refusal(Code.REQUEST_REJECTED, said)


def _error_code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return "" if code is None else str(getattr(code, "value", code))
