"""No deed of the completion happens while a mailbox is not proven, whatever the state of the project; then it does."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from activities.destroy_keys import destroy_keys
from activities.register_batch import register_batch
from activities.remove_endpoint import remove_endpoint
from activities.remove_routing import remove_routing
from activities.turn_authoritative import turn_authoritative
from bascule.domain.completion import (
    COMPLETION,
    REVERSIBLE,
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
from triggers.answers import BadRequest
from triggers.completion_words import say

NOW_UTC = datetime(2026, 3, 2, 8, tzinfo=UTC)
REF = CompletionRef()
DEEDS = (turn_authoritative, remove_routing, remove_endpoint, destroy_keys)
EXAMPLE_COUNT = 300

# Each deed with its own word and the phase in which it is done, in their order.
WORDS = (Word.BEGIN, Word.AUTHORITATIVE, Word.ROUTING, Word.ENDPOINT, Word.KEYS)
PHASES = (Phase.CHANGING, Phase.READY, Phase.ROUTING, Phase.ENDPOINT, Phase.KEYS)
WORD_OF = dict(zip(DEEDS, WORDS[1:], strict=True))
Drawn = list[tuple[bool, datetime | None, str, list[dict[str, Any]]]]

instants = st.sampled_from([NOW_UTC, NOW_UTC, NOW_UTC, None])
boxes_of_any_kind = st.builds(
    lambda stage, closed_utc, rollback_utc: {
        "stage": stage,
        "closed_utc": closed_utc,
        "rollback_began_utc": rollback_utc,
    },
    st.sampled_from([Stage.MIGRATED] * 6 + [Stage.ABANDONED] * 2 + list(Stage)),
    instants,
    st.sampled_from([None, None, None, NOW_UTC]),
)
proven_boxes = st.sampled_from(
    [
        {"stage": Stage.MIGRATED, "closed_utc": NOW_UTC},
        {"stage": Stage.MIGRATED, "closed_utc": NOW_UTC},
        {"stage": Stage.ABANDONED},
    ]
)
nearly_proven_boxes = st.sampled_from(
    [
        {"stage": Stage.MIGRATED},
        {"stage": Stage.MIGRATED, "closed_utc": NOW_UTC, "rollback_began_utc": NOW_UTC},
        {"stage": Stage.SET_ASIDE},
    ]
)
batches_of_any_kind: st.SearchStrategy[Any] = st.tuples(
    st.sampled_from([True, True, True, False]),
    instants,
    st.sampled_from(["", "", "", "f1"]),
    st.lists(boxes_of_any_kind, max_size=3),
)
ended_batches: st.SearchStrategy[Any] = st.tuples(
    st.just(True), st.just(NOW_UTC), st.just(""), st.lists(proven_boxes, max_size=3)
)
completions_of_any_kind = st.none() | st.builds(
    lambda phase, words, closed_utc: CompletionRecord(
        phase=phase,
        words=tuple(WordGiven(word, "x", NOW_UTC) for word in words),
        closed_utc=closed_utc,
    ),
    st.sampled_from(list(Phase)),
    st.sets(st.sampled_from(list(Word))) | st.just(set(Word)),
    instants,
)


nearly_ended_batches: st.SearchStrategy[Any] = st.tuples(
    st.just(True),
    st.just(NOW_UTC),
    st.just(""),
    st.lists(nearly_proven_boxes, min_size=1, max_size=1),
)


@st.composite
def projects(draw: st.DrawFn) -> Drawn:
    """Everything ended; or all of it but one mailbox, or but one batch, which is of any kind."""
    ended: Drawn = draw(st.lists(ended_batches, max_size=2))
    odd = draw(st.none() | st.none() | nearly_ended_batches | batches_of_any_kind)
    return ended if odd is None else [*ended, odd]


@st.composite
def completions(draw: st.DrawFn, number: int) -> CompletionRecord | None:
    """At the phase of the word of this number or just before, its word given or just not; one in five of any kind."""
    flaw = draw(st.sampled_from(["", "", "early", "word", "any"]))
    if flaw == "any":
        return draw(completions_of_any_kind)
    words = tuple(WordGiven(word, "x", NOW_UTC) for word in WORDS[: number + (flaw != "word")])
    phase = PHASES[max(0, number - (flaw == "early"))]
    return CompletionRecord(phase, words=words, closed_utc=draw(instants))


def before_a_deed() -> st.SearchStrategy[tuple[Any, CompletionRecord | None]]:
    """A deed, and a completion that has come near to it."""
    return st.one_of(
        [st.tuples(st.just(deed), completions(at)) for at, deed in enumerate(DEEDS, start=1)]
    )


def before_a_word() -> st.SearchStrategy[tuple[Word, CompletionRecord | None]]:
    """A word, and a completion in which it may be due."""
    due = [st.tuples(st.just(word), completions(at)) for at, word in enumerate(WORDS)]
    stopping = st.tuples(st.just(Word.STOP), completions_of_any_kind)
    beginning = st.tuples(st.just(Word.BEGIN), st.none())
    return st.one_of([*due, stopping, beginning])


class Project:
    """A tenant in coexistence whose ledger says whatever was drawn."""

    def __init__(self, drawn: Drawn, record: CompletionRecord | None) -> None:
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

    def is_proven(self, *, finally_: bool = True) -> bool:
        """By the words of the rule, spelled out once more."""
        return all(self._is_ended(batch, finally_) for batch in self.ports.ledger.batches())

    def _is_ended(self, batch: BatchRecord, finally_: bool) -> bool:  # noqa: FBT001, RUF100  as above
        may_grow = not batch.is_open or bool(batch.accepted_fingerprint)
        return (batch.closed_utc is not None or not may_grow) and all(
            box.stage is Stage.ABANDONED
            or (
                box.stage is Stage.MIGRATED
                and box.rollback_began_utc is None
                and (box.closed_utc is not None or not finally_)
            )
            for box in self.ports.ledger.mailboxes(batch.name)
        )

    def may_do(self, deed: Any, record: CompletionRecord | None) -> bool:
        """Whether it is time for a deed: neither earlier, nor later than the word and the ledger allow."""
        if record is None or not record.is_closed or not self.is_proven():
            return False
        if record.phase is Phase.STOPPED or not record.has(WORD_OF[deed]):
            return False
        if deed is turn_authoritative:
            return record.phase not in REVERSIBLE - {Phase.READY}
        batches = self.ports.ledger.batches()
        return deed is not remove_endpoint or all(each.closed_utc for each in batches)

    def may_say(self, word: Word, record: CompletionRecord | None) -> bool:
        """Whether it is time for a word."""
        goes_on = record is not None and record.phase is not Phase.STOPPED
        if word is Word.STOP:
            return record is None or record.phase in REVERSIBLE | {Phase.STOPPED}
        if word is Word.BEGIN:
            return self.is_proven(finally_=False)
        is_due = (
            goes_on and record is not None and (record.has(word) or record.awaited_word is word)
        )
        return is_due and self.is_proven()


def attempted(project: Project, deed: Any) -> bool:
    """Whether the step said that it was done."""
    try:
        deed(project.ports, REF)
    except BasculeError:
        return False
    return True


@settings(max_examples=EXAMPLE_COUNT, deadline=None)
@given(projects(), before_a_deed())
def test_a_deed_is_done_when_everything_is_proven_and_its_own_word_was_given_and_not_before(
    drawn: Drawn, moment: tuple[Any, CompletionRecord | None]
) -> None:
    """One flip too early bounces one person's mail for as long as nobody complains."""
    deed, record = moment
    project = Project(drawn, record)
    before = project.state()

    done = attempted(project, deed)

    event("done" if done else "not done")
    assert done == project.may_do(deed, record)
    assert (project.state() != before) == done


@settings(max_examples=EXAMPLE_COUNT, deadline=None)
@given(projects(), before_a_word())
def test_a_word_is_taken_when_it_is_due_and_everything_is_proven_and_not_before(
    drawn: Drawn, moment: tuple[Word, CompletionRecord | None]
) -> None:
    """A word that is taken too early is a deed as soon as nobody looks."""
    word, record = moment
    project = Project(drawn, record)
    try:
        say(project.ports, word, "approver")
        taken = True
    except (BadRequest, Refusal):
        taken = False
    found = project.ports.documents.find(COMPLETION, CompletionRecord)

    event(f"{word} {'taken' if taken else 'refused'}")
    assert taken == project.may_say(word, record)
    assert taken or found == record


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
