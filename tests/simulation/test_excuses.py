"""What a checker takes for an excuse: each is of somebody, and ends; some seconds in all."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bascule.domain.addresses import mailbox_key
from bascule.domain.codes import Code
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from sandbox.simulate import deeds
from sandbox.simulate.excuses import CAUSES, NEVER, set_aside_has_a_cause
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.simulate.hosts import swift_host
from sandbox.simulate.life import Deed, DeedKind, Life
from sandbox.simulate.truths import is_true


@pytest.fixture
def life() -> Iterator[Existence]:
    """Two people in two batches, before anything has happened."""
    made = Existence(Life(0, ((0,), (1,))), swift_host)
    yield made
    made.close()


def row(life: Existence, number: int, **fields: object) -> MailboxRecord:
    """The row of a person."""
    address = life.people[number].address
    plain = MailboxRecord(f"lot-{number + 1}", mailbox_key(address), address, "user")
    return replace(plain, **fields)  # type: ignore[arg-type]


def is_excused(life: Existence, number: int, code: Code | None) -> bool:
    """Whether the person's mailbox may be set aside with this code now."""
    aside = row(life, number, stage=Stage.SET_ASIDE, resume_stage=Stage.SYNCED, code=code)
    try:
        set_aside_has_a_cause(life, aside)
    except LifeBroken:
        return False
    return True


def hours_pass(life: Existence, hours: float) -> None:
    """Let so much time pass."""
    life.clock.advance_to(life.clock.now_utc() + timedelta(hours=hours))


def test_every_code_has_its_causes_or_never_comes() -> None:
    """A code that is in neither list would be excused, or refused, by oversight."""
    assert set(CAUSES) | NEVER == set(Code)
    assert not set(CAUSES) & NEVER


def test_set_aside_without_a_code_or_with_one_that_never_comes_is_not_excused(
    life: Existence,
) -> None:
    """An operator who reads no code has nothing to act on."""
    for kind in (DeedKind.GROUP_DELETED, DeedKind.GRAPH_DOWN, DeedKind.SEATS_TAKEN):
        deeds.do(life, Deed(0.0, kind, people=(0,), amount=1.0))

    assert not is_excused(life, 0, None)
    assert not any(is_excused(life, 0, code) for code in NEVER)


def test_a_mended_alias_excuses_its_person_for_hours_and_nobody_else(life: Existence) -> None:
    """In week twelve the alias of week one explains nothing."""
    deeds.do(life, Deed(0.0, DeedKind.ALIAS_EDITED, people=(0,)))
    hours_pass(life, 40)
    assert is_excused(life, 0, Code.ALIAS_CHANGED)
    assert not is_excused(life, 1, Code.ALIAS_CHANGED)
    deeds.do(life, Deed(0.0, DeedKind.ALIAS_MENDED, people=(0,)))
    assert is_excused(life, 0, Code.ALIAS_CHANGED)
    hours_pass(life, 4)

    assert not is_excused(life, 0, Code.ALIAS_CHANGED)


def test_an_outage_excuses_while_it_lasts_and_as_long_as_the_product_waits(life: Existence) -> None:
    """One hour without Graph would otherwise excuse every wait of ninety days."""
    deeds.do(life, Deed(0.0, DeedKind.GRAPH_DOWN, people=(0,), amount=10.0))
    hours_pass(life, 9)
    assert is_excused(life, 1, Code.MAILBOX_NOT_OPEN)
    hours_pass(life, 24)
    assert is_excused(life, 1, Code.MAILBOX_NOT_OPEN)
    hours_pass(life, 6)

    assert not is_excused(life, 1, Code.MAILBOX_NOT_OPEN)


def test_a_stopped_batch_excuses_its_own_mailboxes_only(life: Existence) -> None:
    """Another batch's sync was never touched."""
    deeds.do(life, Deed(0.0, DeedKind.SYNC_STOPPED, 0, (0,)))

    assert is_excused(life, 0, Code.SYNC_STOPPED)
    assert not is_excused(life, 1, Code.SYNC_STOPPED)


def test_a_deleted_group_says_nothing_about_an_alias(life: Existence) -> None:
    """REDIRECTED over an alias that points home is a false green, whoever deletes groups."""
    deeds.do(life, Deed(0.0, DeedKind.GROUP_DELETED, people=(0,)))

    with pytest.raises(LifeBroken, match="its alias is"):
        is_true(life, row(life, 0, stage=Stage.REDIRECTED))
