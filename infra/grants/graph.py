"""A narrow door to Microsoft Graph, with the token of whoever is signed in to the Azure CLI."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx

GRAPH_URL = "https://graph.microsoft.com/v1.0"
SCOPE = "https://graph.microsoft.com/.default"
TIMEOUT_S = 30.0
# An identity has a handful of assignments; a directory that pages for ever must not hold us.
PAGE_COUNT_MAX = 50
# Characters of an answer that is not Graph's own: enough to know whose it is.
WORDS_MAX = 200


class GrantRefused(Exception):
    """Graph did not do what was asked; the text says what to look at."""


class Graph:
    """Reads whole collections, writes single things, and says clearly why something was refused."""

    def __init__(
        self, token: Callable[[], str], transport: httpx.BaseTransport | None = None
    ) -> None:
        self._token = token
        self._http = httpx.Client(base_url=GRAPH_URL, timeout=TIMEOUT_S, transport=transport)

    def all(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Every member of a collection, over all its pages."""
        answer = self._call("GET", path, query=query)
        for _ in range(PAGE_COUNT_MAX):
            yield from answer["value"]
            if not (following := answer.get("@odata.nextLink")):
                return
            answer = self._call("GET", following)
        raise GrantRefused(f"{path} has more than {PAGE_COUNT_MAX} pages")

    def get(self, path: str) -> dict[str, Any]:
        """One thing."""
        return self._call("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make something."""
        return self._call("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> None:
        """Change something."""
        self._call("PATCH", path, body)

    def delete(self, path: str) -> None:
        """Remove something."""
        self._call("DELETE", path)

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            answer = self._http.request(
                method, path, json=body, params=query or None, headers=headers
            )
        except httpx.TransportError as problem:
            raise GrantRefused(f"Microsoft Graph cannot be reached: {problem}") from problem
        if answer.is_error:
            raise GrantRefused(f"{method} {path}: {answer.status_code} {_words_of(answer)}")
        return dict(answer.json()) if answer.content else {}


def _words_of(answer: httpx.Response) -> str:
    try:
        error = answer.json()["error"]
        return f"{error['code']} {error['message']}"
    except (ValueError, KeyError, TypeError):
        # A proxy on the way speaks HTML.
        return answer.text[:WORDS_MAX]


def token_of_the_azure_cli() -> Callable[[], str]:
    """Tokens of the person who said `az login`. Source: "AzureCliCredential class", Microsoft Learn."""
    # Slow to load, and tests bring their own.
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415
    from azure.identity import AzureCliCredential  # noqa: PLC0415

    credential = AzureCliCredential()

    def token() -> str:
        try:
            return str(credential.get_token(SCOPE).token)
        except ClientAuthenticationError as problem:
            raise GrantRefused(f"no sign-in, say `az login`: {problem.message}") from problem

    return token
