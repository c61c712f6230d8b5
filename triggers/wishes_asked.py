"""Reading what an operator asks of mailboxes over HTTP, every mistake at once."""

import json
from datetime import UTC, datetime
from typing import Any

import azure.functions as func

from bascule.domain.addresses import address_problem, mailbox_key, normal_address
from bascule.domain.codes import Offence
from bascule.domain.records import Wish
from bascule.domain.requests import WishRequest
from triggers.answers import BadRequest
from triggers.roles import asker

# The engine takes payloads of 45 KB without a detour; a key is at most 51 characters.
MAILBOXES_NAMED_MAX = 700
# The longest body that means something, 2 000 addresses of 254 characters, is half of this.
BODY_SIZE_MAX_BYTES = 1024 * 1024
ALL = "all"
FIELDS = {"mailboxes", "at", "waive"}


def wish_asked(request: func.HttpRequest, batch: str, wish: Wish) -> WishRequest:
    """The wish in a request's body: `{"mailboxes": "all" | [address, ...], "at": ISO 8601, "waive": [offence, ...]}`.

    Raises BadRequest with every mistake.
    """
    body = json_object(request)
    mistakes = [f"{name}: there is no such field" for name in sorted(set(body) - FIELDS)]
    keys = _keys(body.get("mailboxes"), mistakes)
    at_utc = _instant(body.get("at"), wish, mistakes)
    waived = _offences(body.get("waive", []), wish, mistakes)
    if mistakes:
        raise BadRequest(*mistakes)
    return WishRequest(batch, wish, keys, asker(request), at_utc, waived)


def json_object(request: func.HttpRequest) -> dict[str, Any]:
    """The body of a request; an empty one counts as `{}`. Raises BadRequest when it is too long, or no JSON object."""
    return object_in(request.get_body(), BODY_SIZE_MAX_BYTES)


def object_in(raw: bytes, size_max_bytes: int) -> dict[str, Any]:
    """The JSON object that a body is; an empty one counts as `{}`. Raises BadRequest."""
    if len(raw) > size_max_bytes:
        raise BadRequest(f"the body is larger than {size_max_bytes} bytes")
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        # Lists in lists, a hundred thousand deep, are no request of anybody's.
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _keys(asked: Any, mistakes: list[str]) -> tuple[str, ...]:
    if asked == ALL:
        return ()
    if not isinstance(asked, list) or not asked or not all(isinstance(a, str) for a in asked):
        mistakes.append(f'mailboxes: give "{ALL}" or a list of addresses')
        return ()
    if len(asked) > MAILBOXES_NAMED_MAX:
        mistakes.append(f"mailboxes: name at most {MAILBOXES_NAMED_MAX} in one request")
        return ()
    mistakes += [
        f"mailboxes: {address!r} {problem}"
        for address in asked
        if (problem := address_problem(normal_address(address)))
    ]
    return tuple(dict.fromkeys(mailbox_key(address) for address in asked))


def _instant(text: Any, wish: Wish, mistakes: list[str]) -> datetime | None:
    if text is None:
        return None
    if wish is not Wish.CUTOVER:
        mistakes.append("at: only a cutover has an instant")
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        mistakes.append("at: write ISO 8601, such as 2026-11-28T20:00:00Z")
        return None


def _offences(asked: Any, wish: Wish, mistakes: list[str]) -> tuple[str, ...]:
    known = {offence.value for offence in Offence}
    if not isinstance(asked, list) or not all(isinstance(offence, str) for offence in asked):
        mistakes.append("waive: give a list of offences")
        return ()
    if asked and wish is not Wish.CUTOVER:
        mistakes.append("waive: only a cutover can waive offences")
    mistakes += [
        f"waive: {offence!r} is none of {', '.join(sorted(known))}"
        for offence in asked
        if offence not in known
    ]
    return tuple(asked)
