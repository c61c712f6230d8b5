"""Several reads in one request.

Every read inside is throttled, and fails, for itself; the outer answer is 200 whatever becomes of them.
Source: Microsoft Learn, "Combine multiple HTTP requests using JSON batching".
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bascule.adapters.graph.client import GraphClient
from bascule.adapters.graph.errors import Failure, GraphMissing, Meaning, domain_error
from bascule.domain.codes import Code
from bascule.domain.errors import Unreachable

# JSON batching: at most this many requests in one.
BATCH_COUNT_MAX = 20

Json = dict[str, Any]


def read_together(
    client: GraphClient, doing: str, urls: Mapping[str, str], *, may_miss: bool = False
) -> dict[str, Json]:
    """{key: what was found at its URL}, one call for each twenty; URLs begin after the version, escaped.

    With `may_miss` a key whose item is not there is left out.

    Raises:
        Unreachable: an answer is missing, which must not pass for an empty one.
        GraphRefused, GraphMissing, Throttled: as one of the reads was answered.
    """
    found: dict[str, Json] = {}
    for some in _chunks(urls):
        found |= _answered(doing, some, _asked(client, doing, some), may_miss=may_miss)
    return found


def _chunks(urls: Mapping[str, str]) -> Iterator[dict[str, str]]:
    entries = list(urls.items())
    for first in range(0, len(entries), BATCH_COUNT_MAX):
        yield dict(entries[first : first + BATCH_COUNT_MAX])


def _asked(client: GraphClient, doing: str, urls: Mapping[str, str]) -> list[Json]:
    from bascule.adapters.graph import batch_call  # noqa: PLC0415  loads the SDK

    answer = client.call(doing, lambda graph: batch_call.read_all(graph, urls))
    responses: list[Json] = answer.get("responses") or []
    return responses


def _answered(
    doing: str, urls: Mapping[str, str], responses: list[Json], *, may_miss: bool
) -> dict[str, Json]:
    bodies = {str(each.get("id")): _body(doing, each, may_miss=may_miss) for each in responses}
    if set(bodies) != set(urls):
        raise Unreachable(f"{doing}: a batch came back without some of its answers")
    return {key: body for key, body in bodies.items() if body is not None}


def _body(doing: str, response: Json, *, may_miss: bool) -> Json | None:
    body = response.get("body")
    shown: Json = body if isinstance(body, dict) else {}
    if response.get("status") == 200:
        return shown
    error = shown.get("error") or {}
    headers = response.get("headers") or {}
    failure = Failure(
        status=int(response.get("status") or 504),
        code=str(error.get("code") or ""),
        message=str(error.get("message") or ""),
        headers={name.lower(): str(value) for name, value in headers.items()},
    )
    wrong = domain_error(doing, failure, fallback=Code.REQUEST_REJECTED)
    if may_miss and isinstance(wrong, GraphMissing) and wrong.meaning is Meaning.ITEM_MISSING:
        return None
    raise wrong
