"""Errors as Microsoft Graph words them, by the service that stands behind the path.

Source: Microsoft Graph, "Microsoft Graph error responses and resource types"; "Throttling guidance".
"""

from typing import Any

from sandbox.world.directory_errors import Detail, DirectoryRefused
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.provisioning import NotReady

_TRANSIENT = {
    # Not of the 5xx kind, and as passing: other writes of the tenant are in the way.
    409: (
        "Directory_ConcurrencyViolation",
        "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
    ),
    500: ("InternalServerError", "An internal server error occurred. The operation failed."),
    502: ("BadGateway", "The server received an invalid response from an upstream server."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable. Please retry later."),
    504: ("GatewayTimeout", "The server did not receive a timely response from upstream."),
}


class GraphError(Exception):
    """An error answer: status, code, message and what else its body or headers carry."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: tuple[Detail, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}

    def body(self, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:
        """The JSON body; `date` without a zone, as the service prints it."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = [
                {"code": detail.code, "target": detail.target, "message": detail.message}
                for detail in self.details
            ]
        error["innerError"] = {
            "date": date,
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": error}


def refused(no: DirectoryRefused) -> GraphError:
    """The directory's refusal, as Graph shows it."""
    return GraphError(no.status, no.code, no.message, details=no.details)


def not_ready(state: NotReady) -> GraphError:
    """There is no mailbox to open."""
    return GraphError(404, state.code, state.message)


def unlucky(failure: Failure) -> GraphError:
    """A call that failed for no fault of the caller's."""
    if failure.kind is FailureKind.THROTTLED:
        return GraphError(
            429,
            "TooManyRequests",
            "Too many requests. Please wait before trying again.",
            headers={
                "Retry-After": str(failure.retry_after_s or 1),
                "x-ms-throttle-scope": "Application/Tenant",
                "x-ms-throttle-information": "WriteLimitExceeded",
            },
        )
    code, message = _TRANSIENT[failure.status]
    return GraphError(failure.status, code, message)


def gateway_timeout() -> GraphError:
    """Nobody knows whether it was done."""
    return GraphError(504, *_TRANSIENT[504])


def forbidden(*, outlook: bool) -> GraphError:
    """The token lacks the app role."""
    if outlook:
        return GraphError(
            403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
        )
    return GraphError(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def unauthorized(message: str) -> GraphError:
    """The token is missing, broken, expired or for somebody else."""
    return GraphError(
        401,
        "InvalidAuthenticationToken",
        message,
        headers={
            "WWW-Authenticate": 'Bearer realm="", authorization_uri='
            '"https://login.microsoftonline.com/common/oauth2/authorize"'
        },
    )


def bad_request(message: str, code: str = "BadRequest") -> GraphError:
    """The request itself makes no sense to the service."""
    return GraphError(400, code, message)


def unknown_segment(segment: str) -> GraphError:
    """A path that leads nowhere."""
    return bad_request(f"Resource not found for the segment '{segment}'.")


def method_not_allowed() -> GraphError:
    """A path that is there, with another verb."""
    return GraphError(
        405,
        "Request_BadRequest",
        "Specified HTTP method is not allowed for the request target.",
    )


def unknown_property(name: str, type_name: str, *, outlook: bool) -> GraphError:
    """`$select`, `$filter` or `$orderby` names a property that the type has not."""
    if outlook:
        return bad_request(
            f"Could not find a property named '{name}' on type 'Microsoft.OutlookServices.{type_name}'.",
            "RequestBroker--ParseUri",
        )
    return bad_request(
        "Parsing OData Select and Expand failed: Could not find a property named "
        f"'{name}' on type 'microsoft.graph.{type_name[:1].lower()}{type_name[1:]}'."
    )


def item_not_found() -> GraphError:
    """No such folder or message in this mailbox."""
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
