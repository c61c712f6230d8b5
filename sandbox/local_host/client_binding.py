"""What a durable client parameter is given: the binding text, or a client which calls the engine in process.

Source: azure-functions-durable-extension `Bindings/BindingHelper.cs`; azure-functions-durable
`models/DurableOrchestrationBindings.py`.
"""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from azure.durable_functions import DurableOrchestrationClient

from sandbox.local_host.management import Management, Request
from sandbox.local_host.status_view import ID_PLACEHOLDER, management_urls

IN_PROCESS_ORIGIN = "http://in-process.invalid"
RPC_PATH = "/durabletask/"
WEBHOOK_PATH = "/runtime/webhooks/durabletask"


def binding_text(hub_name: str, origin: str, rpc_origin: str) -> str:
    """The JSON text which the extension passes to the worker for a durable client."""
    base_url = f"{origin}{WEBHOOK_PATH}"
    create = f"{base_url}/orchestrators/{{functionName}}[/{{instanceId}}]"
    wait = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
    return json.dumps(
        {
            "taskHubName": hub_name,
            "connectionName": "Storage",
            "creationUrls": {
                "createNewInstancePostUri": create,
                "createAndWaitOnNewInstancePostUri": f"{create}?{wait}",
            },
            "managementUrls": management_urls(base_url, hub_name, ID_PLACEHOLDER),
            "baseUrl": base_url,
            "requiredQueryStringParameters": "",
            "rpcBaseUrl": f"{rpc_origin}{RPC_PATH}",
        }
    )


class InProcessClient(DurableOrchestrationClient):  # type: ignore[misc]
    """The SDK's own client whose requests go straight to the management API, without a socket."""

    def __init__(self, management: Management, hub_name: str) -> None:
        super().__init__(binding_text(hub_name, IN_PROCESS_ORIGIN, IN_PROCESS_ORIGIN))
        self._management = management
        self._post_async_request = self._post
        self._get_async_request = self._get
        self._delete_async_request = self._delete

    async def _post(self, url: str, body: Any = None, *_: Any, **__: Any) -> list[Any]:
        return self._ask("POST", url, b"" if body is None else json.dumps(body).encode())

    async def _get(self, url: str, *_: Any, **__: Any) -> list[Any]:
        status_code, document = self._ask("GET", url, b"")
        return [status_code, "" if document is None else document]

    async def _delete(self, url: str, *_: Any, **__: Any) -> list[Any]:
        return self._ask("DELETE", url, b"")

    def _ask(self, method: str, url: str, body: bytes) -> list[Any]:
        parts = urlsplit(url)
        segments = parts.path.removeprefix(RPC_PATH).split("/")
        request = Request(
            method=method,
            path=tuple(unquote(segment) for segment in segments),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={"content-type": "application/json"},
            body=body,
            base_url=f"{IN_PROCESS_ORIGIN}{WEBHOOK_PATH}",
        )
        reply = self._management.handle(request)
        return [reply.status_code, reply.document]
