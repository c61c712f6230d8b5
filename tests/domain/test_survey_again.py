"""When a source is surveyed again, and whose: too seldom, somebody waives what is gone; too often, the source suffers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.survey_again import (
    SURVEY_AGE_MAX,
    SURVEYABLE,
    is_survey_asked,
    is_surveyable,
    standing_offences,
    survey_wanted_utc,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANNA = MailboxRecord(
    "pilot",
    "k1",
    "anna@example.org",
    "anna",
    stage=Stage.SYNCED,
    surveyed_utc=NOON - timedelta(days=3),
    offences=("message_too_large:1", "message_too_large:4", "folder_name_has_slash:2"),
)


def wanted_utc(record: MailboxRecord, *waived: str, now_utc: datetime = NOON) -> datetime | None:
    """Since when a survey of her mailbox is wanted."""
    return survey_wanted_utc(record, waived, now_utc)


def test_each_offence_stands_once_until_it_is_waived() -> None:
    """An operator reads what to waive, not how often it was found."""
    assert standing_offences(ANNA, ()) == ("folder_name_has_slash", "message_too_large")
    assert standing_offences(ANNA, ("message_too_large",)) == ("folder_name_has_slash",)


def test_nothing_is_surveyed_that_nobody_waits_for() -> None:
    """Ten thousand synced mailboxes would be opened every hour for weeks."""
    assert wanted_utc(ANNA) is None
    assert wanted_utc(replace(ANNA, cutover_at_utc=NOON + MINUTE)) is None


def test_who_asks_is_served_until_a_survey_has_begun_after_it() -> None:
    """A survey that was under way when the letter was deleted has not seen it."""
    asked = replace(ANNA, survey_asked_utc=NOON - MINUTE)
    before = replace(asked, surveyed_utc=NOON - 2 * MINUTE)
    after = replace(asked, surveyed_utc=NOON - MINUTE)
    never = replace(asked, surveyed_utc=None)

    assert [is_survey_asked(each) for each in (ANNA, before, after, never)] == [
        False,
        True,
        False,
        True,
    ]
    assert [wanted_utc(each) for each in (before, after, never)] == [
        NOON - MINUTE,
        None,
        NOON - MINUTE,
    ]


def test_a_due_cutover_that_an_offence_holds_up_is_looked_at_once_an_hour() -> None:
    """The user has deleted the letter in the afternoon; the instant of the file comes in the evening."""
    due = replace(ANNA, cutover_at_utc=NOON - MINUTE)
    again_utc = NOON + SURVEY_AGE_MAX
    looked = replace(due, surveyed_utc=NOON)

    assert wanted_utc(due) == NOON - MINUTE
    assert wanted_utc(looked, now_utc=again_utc - MINUTE) is None
    assert wanted_utc(looked, now_utc=again_utc) == again_utc


def test_an_offence_is_not_looked_for_while_the_first_copy_holds_the_cutover_up() -> None:
    """The file's instant has passed, the copy takes a week: a hundred surveys would tell nobody anything."""
    due = replace(ANNA, stage=Stage.SYNCING, cutover_at_utc=NOON - MINUTE)

    assert wanted_utc(due) is None


def test_a_row_of_an_earlier_version_counts_as_old() -> None:
    """It has offences and no instant: its operator must not have to waive them."""
    due = replace(ANNA, surveyed_utc=None, cutover_at_utc=NOON - MINUTE)

    assert wanted_utc(due) == NOON - MINUTE


def test_a_due_cutover_without_an_offence_is_not_held_up_by_a_look() -> None:
    """The night has hours enough of waiting."""
    due = replace(ANNA, cutover_at_utc=NOON - MINUTE)

    assert wanted_utc(replace(due, offences=())) is None
    assert wanted_utc(due, "message_too_large", "folder_name_has_slash") is None


@pytest.mark.parametrize("stage", Stage)
def test_only_a_mailbox_that_is_safely_at_home_is_surveyed_again(stage: Stage) -> None:
    """On its way into the group a source that is away would keep mail in the cloud; after the cutover it is too late."""
    asked = replace(ANNA, stage=stage, survey_asked_utc=NOON)

    assert is_surveyable(asked) is (stage in SURVEYABLE)
    assert (wanted_utc(asked) is not None) is (stage in SURVEYABLE)


@pytest.mark.parametrize("stage", [Stage.COEXISTING, Stage.SYNCING, Stage.SYNCED])
def test_a_cutover_that_has_begun_is_not_interrupted(stage: Stage) -> None:
    """Out of the group, every minute is one in which mail is on both sides."""
    begun = replace(ANNA, stage=stage, survey_asked_utc=NOON, detach_began_utc=NOON)

    assert not is_surveyable(begun)
    assert wanted_utc(begun) is None
