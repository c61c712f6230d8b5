"""A small stand-in for Microsoft Graph: it remembers requests and plays answers in order, under the real SDK."""

import json
from collections.abc import Callable
from typing import Any, Self

import httpx

from bascule.adapters.graph import GraphClient, GraphCloudMail, GraphDirectory
from tests.adapters.exchange_desk import Purse

BASE = "https://graph.microsoft.com/v1.0"
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class GraphDesk:
    """Plays `answers` in order and keeps every request."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.purse = Purse()
        self.client = GraphClient(self.purse, transport=httpx.MockTransport(self._answer))
        self.directory = GraphDirectory(self.client)
        self.mail = GraphCloudMail(self.client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    @property
    def asked(self) -> list[str]:
        """Verb, path and query of every request, in order."""
        return [
            f"{each.method} {str(each.url).removeprefix(BASE)}".replace("%24", "$").replace(
                "%2C", ","
            )
            for each in self.requests
        ]

    def body(self, index: int) -> dict[str, Any]:
        """The JSON body of one request."""
        found: dict[str, Any] = json.loads(self.requests[index].content)
        return found

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def found(**body: Any) -> httpx.Response:
    """A success with this body."""
    return httpx.Response(200, json=body)


def page(*entries: dict[str, Any], next_link: str = "") -> httpx.Response:
    """A page of a collection."""
    more = {"@odata.nextLink": next_link} if next_link else {}
    return httpx.Response(200, json={"value": list(entries), **more})


def refusal(
    status: int,
    code: str,
    message: str = "no",
    details: tuple[tuple[str, str], ...] = (),
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """An error body as Graph writes it."""
    error: dict[str, Any] = {
        "code": code,
        "message": message,
        "innerError": {"request-id": "req-1", "date": "2026-01-02T03:04:05"},
    }
    if details:
        error["details"] = [
            {"code": each, "target": target, "message": message} for each, target in details
        ]
    return httpx.Response(status, json={"error": error}, headers=headers)
