"""The way into Microsoft Graph: one SDK client in one event loop, its retries and redirections off.

The SDK is loaded at the first call, not at import: it brings some hundreds of modules, and most processes that import
this package only list its functions.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx

from bascule.adapters.graph.errors import GraphRefused, Meaning, domain_error_of
from bascule.adapters.graph.loop import LoopThread
from bascule.adapters.tokens import Credential, credential_error
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from msgraph import GraphServiceClient

BASE_URL = "https://graph.microsoft.com/v1.0"
SCOPE = "https://graph.microsoft.com/.default"
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
# One call: the token, the request, the SDK's first load, all slow on a cold machine; then a second attempt after 401.
CALL_TIMEOUT_S = 150.0

T = TypeVar("T")
Ask = Callable[["GraphServiceClient"], Awaitable[T]]


class GraphClient:
    """Calls Graph for synchronous callers. Share one per process; `close` at the end."""

    def __init__(
        self,
        credential: Credential,
        *,
        base_url: str = BASE_URL,
        scope: str = SCOPE,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """The credential may be synchronous or asynchronous; who made it closes it."""
        # httpx names every URL at INFO, and with it every user.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._credential = _LoopCredential(credential)
        self._base_url = base_url.rstrip("/")
        self._scope = scope
        self._transport = transport or httpx.AsyncHTTPTransport()
        self._loop = LoopThread("graph-loop")
        self._http: httpx.AsyncClient | None = None
        self._service: GraphServiceClient | None = None

    def call(
        self,
        doing: str,
        ask: Ask[T],
        *,
        fallback: Code = Code.REQUEST_REJECTED,
        may_quote: bool = True,
    ) -> T:
        """The answer to one request; `doing` says in errors what was tried.

        A refused token is renewed once: a 401 was not executed. Nothing else is sent twice.

        Raises:
            GraphRefused, GraphMissing (any 404), Throttled, Unreachable.
        """
        try:
            return self._once(doing, ask, fallback, may_quote)
        except GraphRefused as no:
            if no.meaning is not Meaning.TOKEN_REFUSED:
                raise
        return self._once(doing, ask, fallback, may_quote)

    def checked_link(self, link: str) -> str:
        """A link to a next page, if it stays with this service.

        Raises:
            Refusal(REQUEST_REJECTED): it leads elsewhere.
        """
        if not link.startswith(f"{self._base_url}/"):
            raise Refusal(Code.REQUEST_REJECTED, "Graph's next page lies on another host")
        return link

    def close(self) -> None:
        """Close the connections and end the loop's thread."""
        self._loop.close(self._closed())

    def _once(self, doing: str, ask: Ask[T], fallback: Code, may_quote: bool) -> T:
        work = self._asked(doing, ask, fallback, may_quote)
        try:
            return self._loop.run(work, CALL_TIMEOUT_S)
        except TimeoutError:
            raise Unreachable(f"{doing}: no answer within {CALL_TIMEOUT_S:.0f} s") from None

    def _asked(
        self, doing: str, ask: Ask[T], fallback: Code, may_quote: bool
    ) -> Coroutine[Any, Any, T]:
        async def asked() -> T:
            try:
                return await ask(self._client())
            except Exception as error:
                # The SDK raises its own errors, those of httpx and those of its parsers; ours are raised again.
                known = domain_error_of(doing, error, fallback=fallback, may_quote=may_quote)
                if known is None:
                    raise
                raise known from None

        return asked()

    def _client(self) -> "GraphServiceClient":
        if self._service is None:
            timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
            self._transport = self._transport or httpx.AsyncHTTPTransport()
            http = httpx.AsyncClient(timeout=timeout, transport=self._transport)
            self._service = _service(http, self._credential, self._base_url, self._scope)
        return self._service

    async def _closed(self) -> None:
        if self._transport is not None:
            await self._transport.aclose()
        # The SDK's middleware takes the place of the transport in the client, which then closes that instead.
        await self._transport.aclose()


class _LoopCredential:
    """Gives the SDK what it insists on: a coroutine that returns azure-core's own AccessToken."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    async def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """A token; a synchronous credential is asked in a thread, because it may wait for the network."""
        from azure.core.credentials import AccessToken  # noqa: PLC0415  loaded with the SDK

        try:
            given: Any
            if inspect.iscoroutinefunction(self._credential.get_token):
                given = await self._credential.get_token(*scopes, **options)
            else:
                given = await asyncio.to_thread(self._credential.get_token, *scopes, **options)
        except Exception as failure:  # noqa: BLE001  credentials raise what their transport raises
            raise credential_error(failure) from None
        return AccessToken(given.token, given.expires_on)


def _service(
    http: httpx.AsyncClient, credential: _LoopCredential, base_url: str, scope: str
) -> "GraphServiceClient":
    """The SDK's client: no retries (they become durable timers), no redirections, a token for one host only."""
    from kiota_authentication_azure.azure_identity_authentication_provider import (  # noqa: PLC0415
        AzureIdentityAuthenticationProvider,
    )
    from kiota_http.middleware.options import (  # noqa: PLC0415
        RedirectHandlerOption,
        RetryHandlerOption,
    )
    from msgraph import GraphRequestAdapter, GraphServiceClient  # noqa: PLC0415
    from msgraph_core import GraphClientFactory  # noqa: PLC0415

    client = GraphClientFactory.create_with_default_middleware(
        client=http,
        options={
            RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0, should_retry=False),
            RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
        },
    )
    host = urlsplit(base_url).hostname or ""
    provider = AzureIdentityAuthenticationProvider(credential, scopes=[scope], allowed_hosts=[host])
    adapter = GraphRequestAdapter(provider, client)
    # Before the client is built: it copies the address into every request builder.
    adapter.base_url = base_url
    return GraphServiceClient(request_adapter=adapter)
