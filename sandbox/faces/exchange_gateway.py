"""The Exchange admin gateway apart from any web server: one call in, one reply out.

    token -> headers -> body -> cmdlet -> role -> parameters -> (misfortune) -> run -> pages -> (misfortune)

Source: Microsoft Learn, "App-only authentication in Exchange Online PowerShell"; the requests that the Exchange Online
PowerShell module makes.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

from sandbox.faces import exchange_errors
from sandbox.faces.exchange_catalogue import CMDLETS
from sandbox.faces.exchange_cmdlet import Arguments, Cmdlet, Session
from sandbox.faces.exchange_encoding import Json, encoded
from sandbox.faces.exchange_errors import GatewayError, Reply, Shape
from sandbox.faces.exchange_paging import Pages, page_size
from sandbox.faces.token import EXCHANGE_AUDIENCE, BearerRefused, TokenDesk
from sandbox.world.exchange_refusals import ExchangeRefusal
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.world import World

APP_ROLE = "Exchange.ManageAsApp"
# The system mailbox that app-only calls are routed by; its GUID is the same in every tenant.
ANCHOR_MAILBOX = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}"
BATCH_COUNT_MAX = 10
QUERY_OPTIONS = frozenset({"$select", "$skiptoken"})


@dataclass(frozen=True)
class Request:
    """One call as it arrives; `url` is absolute, header names are in lower case."""

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def path_url(self) -> str:
        """The URL without its query."""
        return f"{self.origin}{urlsplit(self.url).path}"

    @property
    def query(self) -> dict[str, str]:
        """The query options."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))


class Gateway:
    """Runs cmdlets for one app in one tenant."""

    def __init__(self, world: World, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._world = world
        self._desk = TokenDesk.of(world)
        self._pages = Pages(clock_s)

    def invoke(self, tenant: str, request: Request) -> Reply:
        """Answer one `InvokeCommand`."""
        self._world.calls["exchange"] += 1
        try:
            self._enter(tenant, request)
            with self._world.kernel.look():
                return self._invoked(request)
        except GatewayError as error:
            return error.reply

    def batch(self, tenant: str, request: Request) -> Reply:
        """Answer one `$batch`; each of its calls has its own status."""
        self._world.calls["exchange"] += 1
        try:
            self._enter(tenant, request)
            items = _json_object(request.body).get("requests")
            if not isinstance(items, list) or not 0 < len(items) <= BATCH_COUNT_MAX:
                raise exchange_errors.request_malformed(
                    f"A batch must contain 1 to {BATCH_COUNT_MAX} requests."
                )
            if not all(isinstance(item, dict) for item in items):
                raise exchange_errors.request_malformed("A batched request must be an object.")
            return Reply(200, {"responses": [self._batched(request, item) for item in items]})
        except GatewayError as error:
            return error.reply

    def module_file(self, tenant: str, request: Request) -> Reply:
        """Which cmdlets this caller may run."""
        self._world.calls["exchange"] += 1
        try:
            self._enter(tenant, request, with_anchor=False)
            held = self._world.tenant.exchange_roles
            names = sorted(found.name for found in CMDLETS.values() if found.roles & held)
            return Reply(200, {"value": [{"exportedCmdlets": ",".join(names)}]})
        except GatewayError as error:
            return error.reply

    # -- the door -----------------------------------------------------------------------------

    def _enter(self, tenant: str, request: Request, *, with_anchor: bool = True) -> None:
        mine = self._world.tenant
        try:
            claims = self._desk.read(request.headers.get("authorization"), EXCHANGE_AUDIENCE)
        except BearerRefused as no:
            raise exchange_errors.unauthorized(mine.tenant_id, no.message) from no
        if tenant.lower() not in {mine.tenant_id, mine.initial_domain}:
            raise exchange_errors.forbidden("The tenant in the URL is not the tenant of the token.")
        if APP_ROLE not in claims.roles:
            raise exchange_errors.forbidden(
                "The token contains no permissions, or permissions can not be understood."
            )
        if with_anchor:
            self._check_headers(request.headers)

    def _check_headers(self, headers: Mapping[str, str]) -> None:
        if not headers.get("content-type", "").lower().startswith("application/json"):
            raise exchange_errors.request_malformed("The Content-Type must be application/json.")
        if headers.get("x-responseformat", "json").lower() != "json":
            raise exchange_errors.request_malformed(
                f"The response format {headers['x-responseformat']} isn't supported."
            )
        tenant = self._world.tenant
        anchors = {
            f"{kind}:{ANCHOR_MAILBOX}@{name}".lower()
            for kind in ("APP", "UPN")
            for name in (tenant.tenant_id, tenant.initial_domain)
        }
        if headers.get("x-anchormailbox", "").lower() not in anchors:
            raise exchange_errors.request_malformed(
                "The X-AnchorMailbox header is missing or invalid."
            )

    # -- one call -----------------------------------------------------------------------------

    def _invoked(self, request: Request) -> Reply:
        unknown = sorted(set(request.query) - QUERY_OPTIONS)
        if unknown:
            raise exchange_errors.request_malformed(f"The query option '{unknown[0]}' is unknown.")
        call = _json_object(request.body)
        found, given = _read_call(call, request.headers)
        if not found.roles & self._world.tenant.exchange_roles:
            raise exchange_errors.forbidden(
                f"The role assigned to application isn't supported in this scenario: {found.name}."
            )
        arguments = found.bind(given, self._world.tenant.exchange_roles)
        failure = self._world.misfortune.before(f"exchange.{found.name}")
        if failure is not None:
            return self._failed(failure)
        reply = self._answered(request, call, found, arguments)
        lost = self._world.misfortune.after(f"exchange.{found.name}")
        return replace(reply, is_lost=True) if lost is not None else reply

    def _answered(self, request: Request, call: Json, found: Cmdlet, arguments: Arguments) -> Reply:
        size = page_size(request.headers.get("prefer", ""))
        token = request.query.get("$skiptoken")
        if token is not None:
            page, rest = self._pages.next(token, size, request.origin, call)
            return _listed(request, page, rest, [])
        if found.prompts and arguments.flag("Confirm", default=True):
            question = f"Are you sure you want to perform this action?\n{found.name}"
            return Reply(200, {"value": [], "@adminapi.confirmationmessage": question})
        if arguments.flag("WhatIf"):
            return Reply(200, {"value": []})
        session = Session(self._world)
        rows = self._run(found, session, arguments)
        if found.writes and not rows:
            return self._written(session)
        limit = arguments.result_size_max()
        if limit is not None and len(rows) > limit:
            session.warnings.append(
                "There are more results available than are currently displayed. To view them, "
                "increase the value for the ResultSize parameter."
            )
            rows = rows[:limit]
        page, rest = self._pages.first(_selected(request, rows), size, request.origin, call)
        return _listed(request, page, rest, session.warnings)

    def _run(self, found: Cmdlet, session: Session, arguments: Arguments) -> list[Json]:
        try:
            return [encoded(row) for row in found.run(session, arguments)]
        except ExchangeRefusal as refusal:
            raise GatewayError(exchange_errors.refused(refusal, self._shape())) from refusal

    def _written(self, session: Session) -> Reply:
        """A write that has nothing to show is answered in one of three ways."""
        if session.warnings:
            return Reply(200, {"value": [], "@adminapi.warnings": session.warnings})
        ways = (Reply(200, {"value": []}), Reply(200), Reply(204))
        return self._world.kernel.chance("exchange-empty-answers").choice(ways)

    def _shape(self) -> Shape:
        luck = self._world.kernel.chance("exchange-error-shapes")
        if luck.random() < self._world.weather.exchange_odd_error_probability:
            return luck.choice((Shape.EMBEDDED, Shape.PROXIED, Shape.UNTYPED))
        return Shape.TYPED

    def _failed(self, failure: Failure) -> Reply:
        coin = self._world.kernel.chance("exchange-failure-shapes").random() < 0.5
        if failure.kind is FailureKind.THROTTLED:
            return exchange_errors.throttled(failure.retry_after_s, is_plain_text=coin)
        return exchange_errors.unwell(failure.status, self._shape() if coin else None)

    # -- several calls ------------------------------------------------------------------------

    def _batched(self, outer: Request, item: Json) -> Json:
        headers = {name.lower(): str(value) for name, value in item.get("headers", {}).items()}
        inner = Request(
            url=str(item.get("url", "")),
            headers={"content-type": "application/json", **headers},
            body=json.dumps(item.get("body")).encode(),
        )
        try:
            if inner.origin != outer.origin or not inner.path_url.endswith("/InvokeCommand"):
                raise exchange_errors.request_malformed("The URL of a batched request isn't valid.")
            self._check_headers(inner.headers)
            with self._world.kernel.look():
                reply = self._invoked(inner)
        except GatewayError as error:
            reply = error.reply
        # What breaks a connection breaks the outer one; inside a batch the answer is a 504.
        status = 504 if reply.is_lost else reply.status
        body = reply.body if isinstance(reply.body, dict) and not reply.is_lost else None
        return {
            "id": item.get("id"),
            "status": status,
            "headers": dict(reply.headers),
            "body": body,
        }


def _read_call(call: Json, headers: Mapping[str, str]) -> tuple[Cmdlet, Json]:
    command = call.get("CmdletInput")
    if not isinstance(command, dict) or not isinstance(command.get("CmdletName"), str):
        raise exchange_errors.request_malformed("The request has no CmdletInput with a CmdletName.")
    name = command["CmdletName"]
    if headers.get("x-cmdletname", name).lower() != name.lower():
        raise exchange_errors.request_malformed("X-CmdletName and CmdletName differ.")
    given = command.get("Parameters", {})
    if not isinstance(given, dict):
        raise exchange_errors.request_malformed("Parameters must be an object.")
    found = CMDLETS.get(name.lower())
    if found is None:
        raise exchange_errors.command_unknown(name)
    return found, given


def _json_object(body: bytes) -> Json:
    try:
        parsed = json.loads(body)
    except ValueError as broken:
        raise exchange_errors.request_malformed("The request body isn't valid JSON.") from broken
    if not isinstance(parsed, dict):
        raise exchange_errors.request_malformed("The request body must be a JSON object.")
    return parsed


def _selected(request: Request, rows: list[Json]) -> list[Json]:
    chosen = request.query.get("$select")
    if not chosen:
        return rows
    names = {name.strip().lower() for name in chosen.split(",")}
    return [{k: v for k, v in row.items() if k.partition("@")[0].lower() in names} for row in rows]


def _listed(request: Request, page: list[Json], token: str | None, warnings: list[str]) -> Reply:
    body: Json = {
        "@odata.context": f"{request.origin}/adminapi/beta/$metadata#Collection(Exchange.Object)"
    }
    if warnings:
        body["@adminapi.warnings"] = warnings
    if token is not None:
        body["@odata.nextLink"] = f"{request.path_url}?$skiptoken={token}"
    body["value"] = page
    return Reply(200, body)
