"""No deed of the completion happens while a mailbox is not proven, whatever the state of the project."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.destroy_keys import destroy_keys
from activities.register_batch import register_batch
from activities.remove_endpoint import remove_endpoint
from activities.remove_routing import remove_routing
from activities.turn_authoritative import turn_authoritative
from bascule.domain.completion import (
    COMPLETION,
    CompletionRecord,
    CompletionRef,
    Phase,
    Word,
    WordGiven,
)
from bascule.domain.errors import BasculeError, Refusal
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.requests import BatchRef
from bascule.domain.stages import Stage
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.in_process.plan import batch_csv, plan_of
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.population import populate
from sandbox.world.world import World
from tests.stories.completions import Zone, with_dns
from triggers.completion_words import say

NOW_UTC = datetime(2026, 3, 2, 8, tzinfo=UTC)
REF = CompletionRef()
DEEDS = (turn_authoritative, remove_routing, remove_endpoint, destroy_keys)
EXAMPLE_COUNT = 150

instants = st.none() | st.just(NOW_UTC)
mailboxes = st.builds(
    lambda stage, closed_utc, rollback_utc: {
        "stage": stage,
        "closed_utc": closed_utc,
        "rollback_began_utc": rollback_utc,
    },
    st.sampled_from([Stage.MIGRATED] * 6 + [Stage.ABANDONED] * 2 + list(Stage)),
    st.sampled_from([NOW_UTC, NOW_UTC, NOW_UTC, None]),
    st.sampled_from([None, None, None, NOW_UTC]),
)
batches = st.builds(
    lambda is_open, closed_utc, accepted, boxes: (is_open, closed_utc, accepted, boxes),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([NOW_UTC, NOW_UTC, None]),
    st.sampled_from(["", "", "", "f1"]),
    st.lists(mailboxes, max_size=3),
)
completions = st.none() | st.builds(
    lambda phase, words, closed_utc: CompletionRecord(
        phase=phase,
        words=tuple(WordGiven(word, "x", NOW_UTC) for word in words),
        closed_utc=closed_utc,
    ),
    st.sampled_from(list(Phase)),
    st.sets(st.sampled_from(list(Word))) | st.just(set(Word)),
    instants,
)


class Project:
    """A tenant in coexistence whose ledger says whatever was drawn."""

    def __init__(self, drawn: list[Any], record: CompletionRecord | None) -> None:
        self.world = World(1, lambda: NOW_UTC)
        plan = with_dns(plan_of(self.world, prepare_coexistence(self.world)))
        self.ports: BoundPorts = bound_ports(self.world, plan)
        Zone(self.ports).change()
        for number, (is_open, closed_utc, accepted, boxes) in enumerate(drawn):
            self._add(f"lot-{number}", boxes, is_open, closed_utc, accepted)
        if record is not None:
            self.ports.documents.amend(COMPLETION, CompletionRecord, lambda _: record)

    def _add(
        self,
        name: str,
        boxes: list[dict[str, Any]],
        is_open: bool,  # noqa: FBT001, RUF100  drawn
        closed_utc: datetime | None,
        accepted: str,
    ) -> None:
        record = BatchRecord(name, "f0", len(boxes), NOW_UTC, is_open=is_open)
        self.ports.ledger.add_batch(
            replace(record, closed_utc=closed_utc, accepted_fingerprint=accepted)
        )
        self.ports.ledger.add_mailboxes(
            MailboxRecord(name, f"k{at}", f"m{at}@example.org", f"m{at}", **box)
            for at, box in enumerate(boxes)
        )

    def state(self) -> tuple[Any, ...]:
        """Everything that a deed could have changed."""
        tenant = self.world.tenant
        return (
            dict(tenant.accepted_domains),
            len(tenant.rules.rules_seen()),
            len(tenant.rules.outbound_seen()),
            len(tenant.migration.endpoints.all()),
            [entry.effect for entry in self.ports.journal.entries("TENANT")],
        )

    def is_proven(self) -> bool:
        """By the words of the rule, spelled out once more."""
        return all(
            box.stage is Stage.ABANDONED
            or (
                box.stage is Stage.MIGRATED
                and box.closed_utc is not None
                and box.rollback_began_utc is None
            )
            for batch in self.ports.ledger.batches()
            for box in self.ports.ledger.mailboxes(batch.name)
        )


def attempted(project: Project, deed: Any) -> bool:
    """Whether the step said that it was done."""
    try:
        deed(project.ports, REF)
    except BasculeError:
        return False
    return True


@settings(max_examples=EXAMPLE_COUNT, deadline=None)
@given(st.lists(batches, max_size=3), completions, st.sampled_from(DEEDS))
def test_no_deed_is_done_while_a_mailbox_is_not_proven(
    drawn: list[Any], record: CompletionRecord | None, deed: Any
) -> None:
    """One flip too early bounces one person's mail for as long as nobody complains."""
    project = Project(drawn, record)
    before = project.state()

    done = attempted(project, deed)

    if not project.is_proven() or record is None or not record.is_closed:
        assert not done
        assert project.state() == before
    if done and record is not None:
        words = {each.word for each in record.words}
        assert words & {Word.AUTHORITATIVE, Word.ROUTING, Word.ENDPOINT, Word.KEYS}


@settings(max_examples=EXAMPLE_COUNT, deadline=None)
@given(st.lists(batches, max_size=3), completions, st.sampled_from(list(Word)))
def test_no_word_is_taken_while_a_mailbox_is_not_proven(
    drawn: list[Any], record: CompletionRecord | None, word: Word
) -> None:
    """A word that is taken too early is a deed as soon as nobody looks."""
    project = Project(drawn, record)
    given_before = record.words if record else ()
    try:
        say(project.ports, word, "approver")
    except Exception:  # noqa: BLE001  whichever refusal, nothing may have been written
        found = project.ports.documents.find(COMPLETION, CompletionRecord)
        assert (found.words if found else ()) == given_before
        return
    assert word in {Word.BEGIN, Word.STOP} or project.is_proven()


@pytest.mark.parametrize("written_first", [True, False], ids=["batch", "completion"])
def test_a_batch_that_registers_at_that_very_moment_is_refused_or_seen(
    *, written_first: bool
) -> None:
    """Between the look and the deed somebody uploads: one of the two must give way."""
    project = Project([], None)
    people = populate(project.world, 1, messages_each=1)
    project.ports.blobs.upload("late", batch_csv(people))
    closing = CompletionRecord(
        phase=Phase.READY,
        words=(WordGiven(Word.AUTHORITATIVE, "x", NOW_UTC),),
        closed_utc=NOW_UTC,
    )
    ledger = project.ports.ledger
    original = ledger.add_batch
    flipped: list[bool] = []

    def meanwhile(record: BatchRecord) -> bool:
        if written_first:
            original(record)
        project.ports.documents.amend(COMPLETION, CompletionRecord, lambda _: closing)
        flipped.append(attempted(project, turn_authoritative))
        return original(record)

    ledger.add_batch = meanwhile  # type: ignore[method-assign]
    try:
        register_batch(project.ports, BatchRef("late"))
        registered = True
    except Refusal:
        registered = False

    assert not registered
    assert flipped == [not written_first]
    assert project.ports.ledger.mailbox_keys("late", "", 10) == ()
