"""How the Exchange admin gateway says no: every shape its answers are known to have.

    typed      details[0].message = "id|.NET type|sentence"       the usual one
    embedded   details[0].message = JSON with Message, TypeName
    proxied    details[0].message = "Error on proxy command ..." around such JSON
    untyped    details[0].message = words without a type; that stands in innererror.internalexception, and in no header
    plain      no details; the type stands in innererror.internalexception (values that do not convert)
    NUL        403 with a body of NUL bytes; the reason is in `x-ms-diagnostics`
    text       429 as a plain sentence

Source: captures published by clients of the Exchange Online PowerShell gateway.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.world.exchange_refusals import ExchangeRefusal, NotFound

Json = dict[str, Any]

DIRECT_INVOKE = "Microsoft.Exchange.Management.PSDirectInvoke.DirectInvokeCmdletExecutionException"
COMMAND_NAMESPACE = "Microsoft.Exchange.AdminApi.CommandInvocation"
BINDING = "System.Management.Automation.ParameterBindingException"
TRANSFORMATION = f"{COMMAND_NAMESPACE}.ParameterTransformationException"
COMMAND_NOT_FOUND = "System.Management.Automation.CommandNotFoundException"
ODATA_SERVICE = "Microsoft.Exchange.Admin.OData.Core.ODataServiceException"
SERVER_BUSY = "Microsoft.Exchange.Data.Directory.ServerBusyException"

TOO_MANY_REQUESTS = (
    "You have reached the maximum number of concurrent requests per tenant. "
    "Please wait and try again"
)
NUL_BODY_SIZE_BYTES = 64


class Shape(StrEnum):
    """How the type and the sentence of a refusal are packed."""

    TYPED = "typed"
    EMBEDDED = "embedded"
    PROXIED = "proxied"
    UNTYPED = "untyped"


@dataclass(frozen=True)
class Reply:
    """One answer of the gateway; `body` is JSON unless it is bytes."""

    status: int
    body: Json | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    is_lost: bool = False
    """The effect has happened and the connection breaks before the answer."""


class GatewayError(Exception):
    """The gateway answers with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"the gateway answers {reply.status}")
        self.reply = reply


def refused(refusal: ExchangeRefusal, shape: Shape) -> Reply:
    """A refusal by a cmdlet; 404 when something is not there, else 400."""
    status = 404 if isinstance(refusal, NotFound) else 400
    if shape is Shape.UNTYPED:
        return _untyped(status, refusal.net_type, refusal.text)
    message = _packed(refusal.net_type, refusal.text, shape)
    return _error(status, "Error executing cmdlet", message, refusal.net_type, DIRECT_INVOKE)


def binding_failed(text: str) -> GatewayError:
    """The parameters do not fit the cmdlet."""
    message = _packed(BINDING, text, Shape.TYPED, identifier="")
    return GatewayError(_error(400, "Invalid Operation", message, BINDING, BINDING))


def command_unknown(name: str) -> GatewayError:
    """No such cmdlet."""
    text = f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program."
    message = _packed(COMMAND_NOT_FOUND, text, Shape.TYPED, identifier="")
    return GatewayError(
        _error(400, "Invalid Operation", message, COMMAND_NOT_FOUND, COMMAND_NOT_FOUND)
    )


def transformation_failed(parameter: str, text: str) -> GatewayError:
    """A value does not convert to its parameter's type; this answer has no details."""
    sentence = f"Cannot process argument transformation on parameter '{parameter}'. {text}"
    error = {
        "code": "BadRequest",
        "message": sentence,
        "innererror": _inner(sentence, TRANSFORMATION),
    }
    return GatewayError(Reply(400, {"error": error}, {"x-ExceptionType": TRANSFORMATION}))


def request_malformed(text: str) -> GatewayError:
    """The request never reached a cmdlet."""
    error = {"code": "BadRequest", "message": text, "innererror": _inner(text, ODATA_SERVICE)}
    return GatewayError(Reply(400, {"error": error}))


def page_expired() -> GatewayError:
    """A continuation link that is too old, or not one of this tenant."""
    return request_malformed(
        "Expired or Invalid pagination request. Default expiry time is 30 minutes."
    )


def unauthorized(tenant_id: str, reason: str) -> GatewayError:
    """The token is no good."""
    challenge = (
        f'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", error="invalid_token", '
        f'authorization_uri="https://login.microsoftonline.com/{tenant_id}/oauth2/authorize"'
    )
    headers = {"WWW-Authenticate": challenge, "x-ms-diagnostics": f'2000001;reason="{reason}"'}
    return GatewayError(Reply(401, b"", headers, "text/plain"))


def forbidden(reason: str) -> GatewayError:
    """The app role or the management role is missing; the body says nothing."""
    headers = {"x-ms-diagnostics": f'2000003;reason="{reason}";error_category="invalid_grant"'}
    return GatewayError(Reply(403, bytes(NUL_BODY_SIZE_BYTES), headers))


def throttled(retry_after_s: int | None, *, is_plain_text: bool) -> Reply:
    """Too many calls; with a hint when to come back, if there is one."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    if is_plain_text:
        return Reply(429, TOO_MANY_REQUESTS.encode(), headers, "text/plain")
    return Reply(429, {"error": {"code": "TooManyRequests", "message": TOO_MANY_REQUESTS}}, headers)


def unwell(status: int, as_400: Shape | None = None) -> Reply:
    """Something behind the gateway is unwell; it may say so by status, or by a type under status 400."""
    text = "The server is too busy to process the request, please retry later."
    if as_400 is Shape.UNTYPED:
        return _untyped(400, SERVER_BUSY, text)
    if as_400 is not None:
        message = _packed(SERVER_BUSY, text, as_400)
        return _error(400, "Error executing cmdlet", message, SERVER_BUSY, SERVER_BUSY)
    return Reply(status, f"<html><body><h1>{status}</h1></body></html>".encode(), {}, "text/html")


def _packed(net_type: str, text: str, shape: Shape, identifier: str = "Ex6F9304") -> str:
    if shape is Shape.TYPED:
        return f"{identifier}|{net_type}|{text}"
    embedded = json.dumps({"Message": text, "TypeName": net_type, "InnerError": None})
    return embedded if shape is Shape.EMBEDDED else f"Error on proxy command {embedded}"


def _error(status: int, summary: str, message: str, net_type: str, inner_type: str) -> Reply:
    error = {
        "code": "NotFound" if status == 404 else "BadRequest",
        "message": summary,
        "details": [{"code": "Client", "target": "", "message": message}],
        "innererror": _inner(summary, inner_type),
    }
    return Reply(status, {"error": error}, {"x-ExceptionType": net_type})


def _untyped(status: int, net_type: str, text: str) -> Reply:
    summary = "Error executing cmdlet"
    error = {
        "code": "NotFound" if status == 404 else "BadRequest",
        "message": summary,
        "details": [{"code": "Client", "target": "", "message": summary}],
        "innererror": _inner(text, net_type),
    }
    return Reply(status, {"error": error})


def _inner(message: str, net_type: str) -> Json:
    return {
        "message": message,
        "type": ODATA_SERVICE,
        "stacktrace": "",
        "internalexception": {"message": message, "type": net_type, "stacktrace": ""},
    }
