"""How long a mailbox that came home is looked after."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.stragglers import HOME_LOOK, LATE_SHOWN, next_look_utc, unseen_since_utc

UNTIL_UTC = datetime(2026, 3, 7, 8, tzinfo=UTC)
LOOKED_UTC = UNTIL_UTC - timedelta(days=2)
HOME = MailboxRecord(
    "lot-1",
    "anna",
    "anna@example.org",
    "anna",
    stage=Stage.ROLLED_BACK,
    home_looked_utc=LOOKED_UTC,
    home_watched_until_utc=UNTIL_UTC,
)


@pytest.mark.parametrize("stage", [Stage.ROLLED_BACK, Stage.SYNCED, Stage.SYNCING])
def test_a_look_is_owed_every_hour_wherever_it_stands(stage: Stage) -> None:
    """Mail that is on its way does not know what its mailbox waits for."""
    record = replace(HOME, stage=stage)

    assert next_look_utc(record) == LOOKED_UTC + HOME_LOOK
    assert unseen_since_utc(record) == LOOKED_UTC - LATE_SHOWN


def test_who_never_came_home_owes_none() -> None:
    """A look costs a listing of the cloud mailbox, and thousands wait at SYNCED."""
    record = replace(HOME, home_looked_utc=None, home_watched_until_utc=None, stage=Stage.SYNCED)

    assert (next_look_utc(record), unseen_since_utc(record)) == (None, None)


def test_the_last_look_comes_after_the_last_straggler() -> None:
    """One made just before would miss what arrives just after."""
    before = replace(HOME, home_looked_utc=UNTIL_UTC - timedelta(seconds=1))
    after = replace(HOME, home_looked_utc=UNTIL_UTC)

    assert next_look_utc(before) is not None
    assert (next_look_utc(after), unseen_since_utc(after)) == (None, None)


def test_a_cutover_that_has_begun_ends_the_looks_and_not_what_they_have_not_seen() -> None:
    """In the cloud mail is where its user will be, unless the cutover is taken back."""
    record = replace(HOME, stage=Stage.SYNCED, detach_began_utc=LOOKED_UTC + timedelta(minutes=5))

    assert next_look_utc(record) is None
    assert unseen_since_utc(record) == LOOKED_UTC - LATE_SHOWN
