"""Values to JSON and back: what waits in the history of a running story for months."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.domain.codec import decode, encode
from bascule.domain.codes import Code
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.replies import Done, Later, Refused
from bascule.domain.requests import BatchProgress, HomeFacts, Progress
from bascule.domain.stages import Stage

TEXTS = st.text(max_size=20)
INSTANTS = st.none() | st.datetimes(timezones=st.just(UTC))
RECORDS = st.builds(
    MailboxRecord,
    batch=TEXTS,
    key=TEXTS,
    address=TEXTS,
    source_user=TEXTS,
    stage=st.sampled_from(Stage),
    code=st.none() | st.sampled_from(Code),
    resume_stage=st.none() | st.sampled_from(Stage),
    cutover_at_utc=INSTANTS,
    waived=st.lists(TEXTS, max_size=3).map(tuple),
    source_size_bytes=st.integers(min_value=0),
    licensed_utc=INSTANTS,
)


@given(RECORDS, st.sampled_from(Wish))
def test_what_a_story_sends_is_what_a_step_receives(record: MailboxRecord, wish: Wish) -> None:
    """A fact that changes on the way is a decision made on something that never was."""
    progress = Progress(record, served_wish=wish)
    travelled = json.loads(json.dumps(encode(progress)))

    assert decode(Progress, travelled) == progress


@pytest.mark.parametrize(
    "reply",
    [
        Done(HomeFacts(3, 0)),
        Later(30.5, "not open yet"),
        Refused(Code.NO_SEAT, "two are missing"),
    ],
    ids=lambda reply: type(reply).__name__,
)
def test_a_reply_is_told_apart_by_its_type(reply: object) -> None:
    """A refusal read as an answer would be a false green."""
    wanted: Any = Done[HomeFacts] | Later | Refused
    received: object = decode(wanted, json.loads(json.dumps(encode(reply))))

    assert received == reply


def test_a_map_of_counts_keeps_its_numbers() -> None:
    """The batch's progress would count texts."""
    progress = BatchProgress(True, True, {"SYNCED": 3}, 3, 0, 12.0, False)

    assert decode(BatchProgress, encode(progress)) == progress


@dataclass(frozen=True)
class Younger:
    """A value with a field that an older release did not know."""

    name: str
    added_since: int = 7


def test_a_running_story_survives_a_release_that_adds_a_field() -> None:
    """Every story that runs would fail on the morning of the release."""
    assert decode(Younger, {"$type": "Younger", "name": "anna"}) == Younger("anna", 7)


def test_a_running_story_survives_a_release_that_removes_a_field() -> None:
    """Rolling a release back would fail every story, too."""
    raw = {"$type": "Younger", "name": "anna", "added_since": 1, "gone_since": True}

    assert decode(Younger, raw) == Younger("anna", 1)


def test_an_instant_is_the_same_wherever_it_was_written() -> None:
    """An operator in Nouméa asks for a cutover in his own zone."""
    local = datetime(2026, 11, 28, 7, tzinfo=timezone(timedelta(hours=11)))

    assert encode(local) == "2026-11-27T20:00:00+00:00"
    assert decode(datetime, encode(local)) == local


def test_an_instant_without_a_zone_is_refused() -> None:
    """It would mean another hour on every machine."""
    with pytest.raises(TypeError):
        encode(datetime(2026, 11, 28))  # noqa: DTZ001  the mistake under test


@pytest.mark.parametrize(
    ("wanted", "raw"),
    [(int, True), (int, "1"), (str, 1), (bool, 1), (type(None), 0), (Stage, "SOMEWHERE")],
)
def test_a_value_of_another_type_is_refused(wanted: type, raw: object) -> None:
    """Guessing a type hides a mistake until it has moved mail."""
    with pytest.raises((TypeError, ValueError)):
        decode(wanted, raw)


def test_another_dataclass_is_refused_even_when_its_fields_fit() -> None:
    """Two steps that were mixed up must not understand each other by chance."""
    with pytest.raises(TypeError):
        decode(Younger, {"$type": "Elder", "name": "anna"})


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), 1j])
def test_what_has_no_json_form_is_refused_at_once(value: object) -> None:
    """The engine would store something that nobody can read back."""
    with pytest.raises(TypeError):
        encode(value)
