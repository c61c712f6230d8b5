"""The app's HTTP API as the command line asks it.

BASCULE_URL    where the app is: https://NAME.azurewebsites.net, or http on this machine
BASCULE_KEY    a function key, when the app asks for one
BASCULE_SCOPE  api://CLIENT-ID/.default, when Entra ID stands in front: a token of `az login` is sent
"""

import ipaddress
import os
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from cli.errors import Refused, WrongUse

# The app answers within the 230 s that Azure's front door waits; most answers take well under a second.
ANSWER_WAIT_S = 240.0
CONNECT_WAIT_S = 10.0
# What a refusal says is for a person: a page of HTML from something in between is cut.
DETAIL_CHARS_MAX = 300


class Service:
    """The HTTP API. Answers are parsed JSON; every failure is one sentence."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """`url` without /api; `headers` carry whatever proves who asks.

        Raises WrongUse: the URL is none, or is http elsewhere than on this machine.
        """
        host = _checked_host(url)
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/api",
            headers=dict(headers),
            timeout=httpx.Timeout(ANSWER_WAIT_S, connect=CONNECT_WAIT_S),
            # A proxy cannot reach what listens on this machine only.
            trust_env=not _is_loopback(host),
        )

    def __enter__(self) -> Self:
        """Use the service."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._client.close()

    def get(self, *path: str, **query: str) -> Any:
        """The answer to GET /api/PATH. Raises Refused."""
        return self._ask("GET", path, query)

    def post(
        self,
        *path: str,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        **query: str,
    ) -> Any:
        """The answer to POST /api/PATH with a JSON body or with bytes. Raises Refused."""
        return self._ask("POST", path, query, json=body, content=content)

    def _ask(
        self, method: str, path: tuple[str, ...], query: Mapping[str, str], **body: Any
    ) -> Any:
        # What is not a unit of the path is quoted whole: an address may hold a slash.
        target = "/".join(quote(part, safe="@") for part in path)
        given = {name: value for name, value in body.items() if value is not None}
        try:
            answer = self._client.request(method, target, params=dict(query), **given)
        except httpx.TransportError as error:
            raise Refused(f"{self._client.base_url} does not answer: {error}") from error
        if not answer.is_success:
            raise Refused(_refusal(answer))
        return _json(answer)


def open_service() -> Service:
    """The service that the environment names. Raises WrongUse with what is missing."""
    url = os.environ.get("BASCULE_URL", "")
    if not url:
        raise WrongUse(
            "set BASCULE_URL to where the app is, such as https://NAME.azurewebsites.net"
        )
    return Service(url, _proof())


def _proof() -> dict[str, str]:
    headers = {}
    if key := os.environ.get("BASCULE_KEY"):
        headers["x-functions-key"] = key
    if scope := os.environ.get("BASCULE_SCOPE"):
        headers["Authorization"] = f"Bearer {_token(scope)}"
    return headers


def _token(scope: str) -> str:
    # Imported here: a second that only those with Entra ID in front should wait.
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415
    from azure.identity import AzureCliCredential  # noqa: PLC0415

    try:
        token: str = AzureCliCredential().get_token(scope).token
    except ClientAuthenticationError as error:
        raise WrongUse(
            f"no token for {scope}; sign in with `az login` ({error.message})"
        ) from error
    return token


def _checked_host(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise WrongUse(f"BASCULE_URL: {url!r} is no URL such as https://NAME.azurewebsites.net")
    if parts.scheme == "http" and not _is_loopback(host):
        raise WrongUse(f"BASCULE_URL: {host} is not this machine, so write https")
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refusal(answer: httpx.Response) -> str:
    body = _json_or_none(answer)
    if isinstance(body, dict) and body.get("mistakes"):
        return "; ".join(str(mistake) for mistake in body["mistakes"])
    if isinstance(body, dict) and "detail" in body:
        return f"{body.get('error', answer.status_code)}: {body['detail']}"
    if answer.status_code in {401, 403}:
        return (
            f"{answer.status_code}: the app does not let you in; check BASCULE_KEY or BASCULE_SCOPE"
        )
    return f"{answer.status_code} {answer.reason_phrase}: {answer.text[:DETAIL_CHARS_MAX]}".rstrip(
        ": "
    )


def _json(answer: httpx.Response) -> Any:
    body = _json_or_none(answer)
    if body is None:
        raise Refused(f"{answer.url} answered something else than JSON; is it the app?")
    return body


def _json_or_none(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
