"""The door to Exchange Online's cmdlets: one POST a cmdlet, pages drained at once, nothing sent twice.

    call -> POST InvokeCommand --302--> POST at the regional host, if it is one of Exchange's
                |-- 401 --> once more with a new token (a 401 was not executed)
                |-- 200 with nextLink --> POST the same body there, until there is none
                |-- 200 to a Get- cmdlet without a list --> no answer
                |-- several calls     --> POST $batch, ten at a time, each with a status of its own
                `-- anything else --> the error table

Source: Microsoft Learn, "Exchange Online Admin API overview" and "endpoints reference" (anchor, paging by POST,
page size), and the request the Exchange Online PowerShell module V3 makes.
"""

import json
import logging
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from bascule.adapters.exchange_online.encoding import Row, without_annotations
from bascule.adapters.exchange_online.errors import (
    CmdletRefused,
    domain_error,
    read_failure,
    read_inner_errors,
)
from bascule.adapters.tokens import Credential, credential_error, decoded_claims
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Throttled, Unreachable

BASE_URL = "https://outlook.office365.com"
SCOPE = "https://outlook.office365.com/.default"
# Where the service may send us on: its own names in every cloud. A bearer and a CSV go nowhere else.
EXCHANGE_SUFFIXES = (".outlook.com", ".office365.com", ".office365.us", ".partner.outlook.cn")
HTTPS_PORTS = frozenset({None, 443})
# The arbitration mailbox that every tenant has; it routes app-only calls to the tenant's servers.
ANCHOR = "APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{tenant_id}"

CONNECT_TIMEOUT_S = 10.0
# A page of a thousand migration users has been seen to take a minute; a step may last several.
READ_TIMEOUT_S = 120.0
# Tenants refuse more than a handful at once, and never say how many.
CONCURRENT_CALLS_MAX = 4
SLOT_TIMEOUT_S = 60.0
SLOT_WAIT_HINT_S = 15.0
PAGE_SIZE = 1_000
# 200 000 objects: four times the largest CSV. Beyond it the service is repeating itself.
PAGE_COUNT_MAX = 200
REDIRECT_COUNT_MAX = 3
# What other clients put into one $batch; the service names no limit.
BATCH_COUNT_MAX = 10


class ExchangeGateway:
    """Runs cmdlets in one tenant as an application. Safe to share between threads; `close` at the end."""

    def __init__(
        self,
        credential: Credential,
        tenant_id: str,
        *,
        base_url: str = BASE_URL,
        scope: str = SCOPE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`tenant_id` is the tenant's GUID: a vanity domain in the anchor has broken paging."""
        # httpx names every URL, and with it the tenant, at INFO.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._credential = credential
        self._scope = scope
        self._anchor = ANCHOR.format(tenant_id=tenant_id)
        self._url = f"{base_url.rstrip('/')}/adminapi/beta/{tenant_id}/InvokeCommand"
        self._batch_url = f"{base_url.rstrip('/')}/adminapi/beta/{tenant_id}/$batch"
        self._connection_id = str(uuid.uuid4())
        self._slots = threading.BoundedSemaphore(CONCURRENT_CALLS_MAX)
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        self._http = httpx.Client(timeout=timeout, follow_redirects=False, transport=transport)

    def run(
        self, cmdlet: str, parameters: Mapping[str, Any], *, may_quote: bool = True
    ) -> tuple[Row, ...]:
        """Every row a cmdlet answers, all pages; none for most writes.

        With `may_quote` off no word of the service's answer enters an error: it may quote what was sent.

        Raises:
            CmdletRefused, Refusal(PERMISSION_MISSING), Throttled, Unreachable. After Unreachable a write may
            have happened or not.
        """
        with self._slot(cmdlet):
            return tuple(self._pages(_Call(cmdlet, dict(parameters), may_quote)))

    def read_each(
        self, cmdlet: str, parameter_sets: Sequence[Mapping[str, Any]]
    ) -> tuple[tuple[Row, ...] | CmdletRefused, ...]:
        """What one reading cmdlet answers to each set of parameters, in their order; ten sets a call.

        A refusal stands in the place of its answer. Raises what `run` raises besides.
        """
        calls = [_Call(cmdlet, dict(parameters), True) for parameters in parameter_sets]
        answers: list[tuple[Row, ...] | CmdletRefused] = []
        for first in range(0, len(calls), BATCH_COUNT_MAX):
            with self._slot(cmdlet):
                answers += self._batched(calls[first : first + BATCH_COUNT_MAX])
        return tuple(answers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @contextmanager
    def _slot(self, cmdlet: str) -> Iterator[None]:
        if not self._slots.acquire(timeout=SLOT_TIMEOUT_S):
            raise Throttled(SLOT_WAIT_HINT_S, f"{cmdlet}: {CONCURRENT_CALLS_MAX} calls under way")
        try:
            yield
        finally:
            self._slots.release()

    def _batched(self, calls: list["_Call"]) -> list[tuple[Row, ...] | CmdletRefused]:
        rows: dict[str, list[Row]] = {str(at): [] for at in range(len(calls))}
        refused: dict[str, CmdletRefused] = {}
        links, seen = dict.fromkeys(rows, self._url), {self._url}
        for _ in range(PAGE_COUNT_MAX):
            for name, answer in self._batch_answers(calls, links).items():
                call = calls[int(name)]
                del links[name]
                try:
                    page = _page(call, answer)
                except CmdletRefused as no:
                    refused[name] = no
                    continue
                rows[name] += page.rows
                if page.next_link:
                    links[name] = self._checked_link(call, page.next_link, seen)
                    seen.add(page.next_link)
            if not links:
                return [refused.get(name) or tuple(found) for name, found in rows.items()]
        raise Refusal(Code.REQUEST_REJECTED, f"{calls[0].cmdlet}: more than {PAGE_COUNT_MAX} pages")

    def _batch_answers(
        self, calls: list["_Call"], links: Mapping[str, str]
    ) -> dict[str, httpx.Response]:
        """{name: answer} for every call named in `links`; a name without an answer is an error."""
        items = [self._batch_item(name, calls[int(name)], url) for name, url in links.items()]
        outer = _Call(calls[0].cmdlet, {}, True)
        outer.body = {"requests": items}
        answer = self._answer(outer, self._batch_url)
        if not answer.is_success:
            _page(outer, answer)
        answers = {
            str(item.get("id")): _inner_answer(item)
            for item in _body(outer, answer).get("responses") or ()
        }
        if set(answers) != set(links):
            raise Unreachable(f"{outer.cmdlet}: a batch came back without some of its answers")
        return answers

    def _batch_item(self, name: str, call: "_Call", url: str) -> dict[str, Any]:
        headers = {
            "X-AnchorMailbox": self._anchor,
            "X-CmdletName": call.cmdlet,
            "X-ResponseFormat": "json",
            "Prefer": f"odata.maxpagesize={PAGE_SIZE}",
        }
        return {"id": name, "method": "POST", "url": url, "headers": headers, "body": call.body}

    def _pages(self, call: "_Call") -> Iterable[Row]:
        rows: list[Row] = []
        seen: set[str] = set()
        url = self._url
        for _ in range(PAGE_COUNT_MAX):
            seen.add(url)
            page = _page(call, self._answer(call, url))
            rows += page.rows
            if not page.next_link:
                return rows
            url = self._checked_link(call, page.next_link, seen)
        raise Refusal(Code.REQUEST_REJECTED, f"{call.cmdlet}: more than {PAGE_COUNT_MAX} pages")

    def _answer(self, call: "_Call", url: str) -> httpx.Response:
        """The first answer that is not a redirection and not a demand for a new token."""
        claims = ""
        is_renewed = False
        for _ in range(REDIRECT_COUNT_MAX + 2):
            answer = self._post(call, url, claims)
            if answer.has_redirect_location:
                url = self._checked_redirect(call, answer)
            elif answer.status_code == 401 and not is_renewed:
                claims = decoded_claims(answer.headers.get("www-authenticate", ""))
                is_renewed = True
            else:
                return answer
        raise Unreachable(f"{call.cmdlet}: Exchange sends the call from host to host")

    def _post(self, call: "_Call", url: str, claims: str) -> httpx.Response:
        try:
            return self._http.post(url, json=call.body, headers=self._headers(call, claims))
        except httpx.HTTPError as failure:
            # The class alone: a message of the HTTP library may hold the URL.
            raise Unreachable(f"{call.cmdlet}: {type(failure).__name__}") from None

    def _headers(self, call: "_Call", claims: str) -> dict[str, str]:
        return {
            # Asked for at every request: a long read outlives a token. The credential has the cache.
            "Authorization": f"Bearer {self._bearer(claims)}",
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "application/json",
            "X-AnchorMailbox": self._anchor,
            "X-CmdletName": call.cmdlet,
            "X-ResponseFormat": "json",
            "X-SerializationLevel": "Partial",
            "Prefer": f"odata.maxpagesize={PAGE_SIZE}",
            "client-request-id": str(uuid.uuid4()),
            "connection-id": self._connection_id,
        }

    def _bearer(self, claims: str) -> str:
        options = {"claims": claims} if claims else {}
        try:
            return self._credential.get_token(self._scope, **options).token
        except Exception as failure:  # noqa: BLE001  credentials raise what their transport raises
            raise credential_error(failure) from None

    def _checked_redirect(self, call: "_Call", answer: httpx.Response) -> str:
        url = str(answer.url.join(answer.headers["location"]))
        if not self._is_exchange(url):
            raise Refusal(
                Code.REQUEST_REJECTED,
                f"{call.cmdlet}: sent on to {urlsplit(url).hostname}, which is no host of Exchange; "
                "nothing was sent there",
            )
        return url

    def _checked_link(self, call: "_Call", link: str, seen: set[str]) -> str:
        # Not always of the host that answered: a regional one that a redirection led to may name the common one.
        if not self._is_exchange(link):
            raise Refusal(
                Code.REQUEST_REJECTED, f"{call.cmdlet}: the next page lies on another host"
            )
        if link in seen:
            raise Refusal(Code.REQUEST_REJECTED, f"{call.cmdlet}: the same page came twice")
        return link

    def _is_exchange(self, url: str) -> bool:
        """Whether a token may go there: to the host that we are set to, or to one of Exchange's own over TLS."""
        if _origin(url) == _origin(self._url):
            return True
        scheme, host, port = _origin(url)
        is_named = f".{host}".endswith(EXCHANGE_SUFFIXES)
        return scheme == "https" and is_named and port in HTTPS_PORTS


class _Call:
    """One cmdlet with its parameters; has no repr of them, because they may hold passwords."""

    def __init__(self, cmdlet: str, parameters: dict[str, Any], may_quote: bool) -> None:
        self.cmdlet = cmdlet
        self.may_quote = may_quote
        self.body: dict[str, Any] = {
            "CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}
        }

    @property
    def reads(self) -> bool:
        """Whether it asks for a list, and changes nothing."""
        return self.cmdlet.startswith("Get-")


class _Page:
    def __init__(self, rows: list[Row], next_link: str) -> None:
        self.rows = rows
        self.next_link = next_link


def _page(call: _Call, answer: httpx.Response) -> _Page:
    """The rows of a success; anything else is raised."""
    if not answer.is_success:
        failure = read_failure(answer.status_code, answer.headers, answer.content)
        raise domain_error(call.cmdlet, failure, may_quote=call.may_quote)
    if not answer.content.strip():
        return _Page(_rows(call, None), "")
    body = _body(call, answer)
    errors = body.get("@adminapi.errors")
    if errors:
        entries = errors if isinstance(errors, list) else [errors]
        failure = read_inner_errors(entries, answer.headers)
        raise domain_error(call.cmdlet, failure, may_quote=call.may_quote)
    if body.get("@adminapi.confirmationmessage"):
        # A question is no answer: nothing has been done, and nobody is there to confirm it.
        raise Refusal(Code.REQUEST_REJECTED, f"{call.cmdlet}: Exchange asks a person to confirm")
    return _Page(_rows(call, body.get("value")), str(body.get("@odata.nextLink") or ""))


def _rows(call: _Call, value: object) -> list[Row]:
    """The rows of a success. Only a write may leave its list out: a reading without one has not said "none"."""
    found = value if isinstance(value, list) else []
    rows = [without_annotations(row) for row in found if isinstance(row, dict)]
    if call.reads and (found is not value or len(rows) < len(found)):
        raise Unreachable(f"{call.cmdlet}: an answer without a list")
    return rows


def _inner_answer(item: dict[str, Any]) -> httpx.Response:
    """One answer inside a batch, in the form of an answer by itself."""
    headers = {str(name): str(value) for name, value in (item.get("headers") or {}).items()}
    body = item.get("body")
    content = b"" if body is None else json.dumps(body).encode()
    # What travels inside is neither compressed nor of the length that its own headers may claim.
    for name in ("content-length", "content-encoding", "transfer-encoding"):
        headers = {each: value for each, value in headers.items() if each.lower() != name}
    return httpx.Response(int(item.get("status") or 504), headers=headers, content=content)


def _body(call: _Call, answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:  # not JSON at all: the busy tenant says so in plain text
        body = None
    if isinstance(body, dict):
        return body
    failure = read_failure(answer.status_code, answer.headers, answer.content)
    error = domain_error(call.cmdlet, failure, may_quote=False)
    if isinstance(error, Throttled):
        raise error
    raise Unreachable(f"{call.cmdlet}: an answer of status {answer.status_code} that is not JSON")


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port
