"""What a caller may send: bounded, and answered with what is wrong instead of breaking."""

import asyncio
import json

import azure.functions as func
import pytest

from bascule.domain.records import Wish
from tests.triggers.signed_in import request
from triggers import directory_files, http_api, passwords_asked
from triggers.answers import BadRequest, answer, answering
from triggers.wishes_asked import BODY_SIZE_MAX_BYTES, json_object, wish_asked


def sent(body: bytes) -> func.HttpRequest:
    """A request with this body."""
    return func.HttpRequest("POST", "https://app/api/x", body=body)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"mailboxes": "' + b"x" * BODY_SIZE_MAX_BYTES + b'"}', "is larger than"),
        (b'{"mailboxes": ' + b"[" * 100_000, "is not JSON"),
        (b"[1]", "is not a JSON object"),
    ],
    ids=["too long", "too deep", "a list"],
)
def test_a_body_that_means_nothing_is_refused_with_why(body: bytes, told: str) -> None:
    """A hundred megabytes of JSON would take the worker's memory, and with it every story on it."""
    with pytest.raises(BadRequest, match=told):
        json_object(sent(body))


def test_a_directory_that_is_too_deep_is_refused() -> None:
    """Its body may be larger, and has the same reader."""
    with pytest.raises(BadRequest, match="is not JSON"):
        directory_files.files_in(sent(b'{"files": ' + b"[" * 100_000))


def test_the_longest_list_of_marks_fits_into_a_body() -> None:
    """A bound below what the reference promises would refuse a school's afternoon of work."""
    address = "a" * 64 + "@" + "b" * 185 + ".org"
    marks = {"step": "outlook", "mailboxes": [address] * 2_000}

    assert len(address) == 254
    assert json_object(sent(json.dumps(marks).encode())) == marks


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_outside_of_time_is_a_mistake(instant: str) -> None:
    """A slip in the year must be told, and not answered with an empty 500."""
    body = json.dumps({"mailboxes": "all", "at": instant}).encode()

    with pytest.raises(BadRequest, match="write ISO 8601"):
        wish_asked(sent(body), "pilot", Wish.CUTOVER)


@pytest.mark.parametrize("text", ["9" * 5_000, "-1", "0", "²", "1001"])
def test_a_number_that_is_none_is_a_mistake(text: str) -> None:
    """Python itself refuses to read a number of five thousand digits."""
    mistakes: list[str] = []
    http_api._count(text, mistakes)

    assert mistakes == ["top: give a number from 1 to 1000"]


@pytest.mark.parametrize("name", ["batch", "cohort", "unit"])
def test_a_selection_that_is_no_text_is_a_mistake(name: str) -> None:
    """A program that sends a list by mistake must read why."""
    mistakes: list[str] = []
    passwords_asked._selection({name: ["one"]}, mistakes)

    assert mistakes == [f"{name}: give a text"]


def test_no_answer_is_kept_by_a_cache() -> None:
    """The next user of a shared machine would find who is set aside, and where from."""

    @answering
    async def refused(req: func.HttpRequest) -> func.HttpResponse:
        raise BadRequest(req.url)

    for said in (answer({}), asyncio.run(_said(refused))):
        assert said.headers["Cache-Control"] == "no-store"
        assert said.headers["X-Content-Type-Options"] == "nosniff"


async def _said(handler: object) -> func.HttpResponse:
    said: func.HttpResponse = await handler(request())  # type: ignore[operator]
    return said
