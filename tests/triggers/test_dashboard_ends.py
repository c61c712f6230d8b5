"""What the dashboard shows of the two ends of a migration: the tenant's completion, and the users' desks."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from bascule.domain.completion import (
    AWAITED,
    COMPLETION,
    FINDING_COUNT_MAX,
    WATCHED,
    CompletionRecord,
    Phase,
    Word,
    WordGiven,
    lowered_wait_s,
)
from bascule.domain.plan_workstations import WorkstationsPlan, WorkstationStepPlan
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.workstations import (
    Desk as UserDesk,
)
from bascule.domain.workstations import (
    DeskChunk,
    DeskChunks,
    Mark,
    chunk_name,
    chunks_name,
)
from tests.triggers.dashboard_desk import NASTY, NOW_UTC, Desk, Reader, batch, mailbox
from triggers.completion_view import NOT_BEGUN
from triggers.dashboard_completion import PHASES
from triggers.dashboard_facts import (
    DESK_DOCUMENTS_READ_MAX,
    DESKS_AFTER_CLOSING,
    FINDINGS_SHOWN_MAX,
    ROWS_READ_MAX,
)
from triggers.dashboard_page import completion_state, completion_to_do, page, to_do
from triggers.dashboard_words import ENGLISH, FRENCH, Words

EACH_LANGUAGE = pytest.mark.parametrize(
    "words", [ENGLISH, FRENCH], ids=lambda words: words.language
)
STEPS = ("outlook", "office")
FINDING = "mx_missing example.org: the tenant's MX is not there"


def record(phase: Phase = Phase.LOWERING, **said: object) -> CompletionRecord:
    """A completion that somebody began yesterday."""
    made = CompletionRecord(phase, NOW_UTC - timedelta(days=1), looked_utc=NOW_UTC)
    return replace(made, **said)  # type: ignore[arg-type]


def completing(found: CompletionRecord, **desk: object) -> Desk:
    """The tenant with that completion."""
    return Desk(stock=[], papers={COMPLETION: found}, **desk)  # type: ignore[arg-type]


@EACH_LANGUAGE
def test_a_completion_that_nobody_began_asks_for_nobody(words: Words) -> None:
    """It would stand among what waits for somebody from the first day of a project of months."""
    seen = Desk(stock=[], books=[batch("pilot", closed_utc=NOW_UTC)]).seen()
    read = Reader(page(seen, words))

    assert f"{words.completion}: {dict(words.completion_phases)[NOT_BEGUN]}" in read.texts
    assert words.nothing_to_do in read.texts


def test_a_completion_that_was_stopped_is_none() -> None:
    """Shown as begun, it would look as if uploads were still refused."""
    seen = completing(record(Phase.STOPPED)).seen()

    assert not seen.completion.is_begun


@EACH_LANGUAGE
def test_every_phase_has_its_sentence(words: Words) -> None:
    """A bare code word in the middle of a sentence tells nobody what to do."""
    assert {name for name, _ in words.completion_phases} == {NOT_BEGUN, *PHASES}


@EACH_LANGUAGE
@pytest.mark.parametrize("phase", PHASES)
def test_the_phase_its_number_and_the_word_it_needs_are_shown(phase: Phase, words: Words) -> None:
    """Whoever may say the word must see that it is theirs to say."""
    seen = completing(record(phase)).seen()
    read = Reader(page(seen, words))
    place = words.completion_step.format(
        phase=phase.value,
        step=PHASES.index(phase) + 1,
        whole=len(PHASES),
        instant="2026-11-21 08:00 UTC",
    )
    word = AWAITED.get(phase)

    assert place in read.texts
    assert dict(words.completion_phases)[phase] in read.texts
    told = {words.completion_word.format(word=each): each for each in Word}
    assert {told[each] for each in read.texts if each in told} == ({word} if word else set())
    asked = list(completion_to_do(seen.completion, words))
    assert asked == ([words.do_word.format(word=word)] if word else [])


@pytest.mark.parametrize("phase", AWAITED)
def test_a_word_that_was_said_is_not_asked_for_again(phase: Phase) -> None:
    """Two people would say it, and neither would look why nothing happens."""
    given = WordGiven(AWAITED[phase], "anna@example.org", NOW_UTC)
    begun = WordGiven(Word.BEGIN, "anna@example.org", NOW_UTC - timedelta(days=9))
    seen = completing(record(phase, words=(begun, given), closed_utc=NOW_UTC)).seen()

    assert list(completion_to_do(seen.completion, ENGLISH)) == []
    said = list(completion_state(seen.completion, ENGLISH))
    assert ENGLISH.completion_said.format(word=given.word) in said
    assert ENGLISH.completion_closed in said


@EACH_LANGUAGE
def test_a_zone_that_is_not_right_waits_for_somebody(words: Words) -> None:
    """Nobody but the operator can edit it, and the completion waits for ever."""
    nasty = tuple(f"{NASTY} {number}" for number in range(FINDING_COUNT_MAX))
    seen = completing(record(Phase.CHANGING, findings=nasty)).seen()
    read = Reader(page(seen, words))

    assert f" {words.do_zone.format(count=f'≥ {FINDING_COUNT_MAX}')}".strip() in {
        text.strip() for text in read.texts
    }
    assert [text for text in read.texts if text in nasty] == list(nasty[:FINDINGS_SHOWN_MAX])
    assert words.aside_left_out.format(count=FINDING_COUNT_MAX - FINDINGS_SHOWN_MAX) in read.texts
    assert read.open == []
    assert not {"script", "img"} & set(read.elements)


def test_a_wait_for_old_records_is_nobodys_work_and_has_its_end() -> None:
    """Who sees only "waiting" edits a zone that is right."""
    lowered = record(findings=(FINDING,), lowered_utc=NOW_UTC, old_ttl_s=7_200)
    shown = record(Phase.CHANGING, shown_utc=NOW_UTC, replaced_ttl_s=600)
    for each, end in ((lowered, "2026-11-22 10:00 UTC"), (shown, "2026-11-22 08:10 UTC")):
        seen = completing(each).seen()
        assert list(completion_to_do(seen.completion, ENGLISH)) == []
        told = list(completion_state(seen.completion, ENGLISH))
        assert ENGLISH.completion_waits.format(instant=end) in told
    seen = completing(lowered).seen()
    assert seen.completion.forgotten_utc is not None
    assert (seen.completion.forgotten_utc - NOW_UTC).total_seconds() == lowered_wait_s(
        lowered, NOW_UTC
    )


def test_what_was_wrong_before_is_not_told_where_nobody_looks_any_more() -> None:
    """A finding of last month sends somebody into a zone that is right."""
    for phase in PHASES:
        seen = completing(record(phase, findings=(FINDING,))).seen()
        assert bool(seen.completion.findings) is (phase in WATCHED)


def test_the_completion_tells_how_many_batches_are_open_and_reads_none_of_them() -> None:
    """The next word is refused while one is; a page that counts every mailbox for it is never there."""
    books = [batch("pilot"), batch("second"), batch("old", closed_utc=NOW_UTC)]
    desk = completing(record(Phase.ENDPOINT), books=books)
    told = list(completion_state(desk.seen().completion, ENGLISH))

    assert ENGLISH.completion_open.format(count=2) in told
    assert desk.read_count == 0


def test_no_batch_can_have_the_place_of_the_completion() -> None:
    """A link that leads to a batch of that name would hide the word that is waited for."""
    for name in ("completion", "tenant-completion"):
        text = page(completing(record(), books=[batch(name)]).seen(), ENGLISH)
        assert text.count('id="COMPLETION"') == 1
        assert f'id="{name}"' in text


def at_desks(
    batches: dict[str, Iterable[MailboxRecord]], marks: Mapping[str, Mapping[str, Iterable[str]]]
) -> Desk:
    """A tenant whose plan has two steps; `marks` by batch and mailbox key, all in one document a batch."""
    desk = Desk(rows=batches, books=[batch(name) for name in batches], stock=[])
    steps = {step: WorkstationStepPlan(f"Do {step}.") for step in STEPS}
    desk.plan = replace(desk.plan, workstations=WorkstationsPlan(steps=steps))
    for name, by_key in marks.items():
        desk.papers[chunks_name(name)] = DeskChunks(1)
        desk.papers[chunk_name(name, 0)] = DeskChunk(
            {
                key: UserDesk(tuple(Mark(step, "tom", NOW_UTC) for step in done))
                for key, done in by_key.items()
            }
        )
    return desk


MOVED = [
    *(mailbox(number, Stage.MIGRATED, closed_utc=NOW_UTC) for number in (1, 2, 3)),
    mailbox(4, Stage.SYNCED),
]
MARKS = {"k1": STEPS, "k2": STEPS[:1], "k4": STEPS}


@EACH_LANGUAGE
def test_each_batch_shows_what_is_done_and_left_at_its_desks(words: Words) -> None:
    """A technician plans the week by it; who has not moved has nothing to do yet."""
    seen = at_desks({"pilot": MOVED}, {"pilot": MARKS}).seen()
    [facts] = seen.batches
    read = Reader(page(seen, words))

    assert facts.desks is not None
    assert (facts.desks.migrated_count, facts.desks.done) == (3, {"outlook": 2, "office": 1})
    start = read.texts.index("outlook")
    assert read.texts[start : start + 6] == ["outlook", "2", "1", "office", "1", "2"]
    assert words.desks_complete.format(count=1, whole=3) in read.texts
    assert words.do_desks.format(count=2) in list(to_do(facts, words))


def test_a_batch_whose_desks_are_done_waits_for_nobody() -> None:
    """The list of what waits is read only while everything on it is true."""
    marks = {f"k{number}": STEPS for number in (1, 2, 3)}
    [facts] = at_desks({"pilot": MOVED[:3]}, {"pilot": marks}).seen().batches

    assert facts.desks is not None
    assert facts.desks.left_count == 0
    assert not any(text in ENGLISH.do_desks.format(count=0) for text in to_do(facts, ENGLISH))


def test_without_steps_in_the_plan_no_desk_is_read_or_shown() -> None:
    """A table of nothing on every batch of everybody who never wrote the section."""
    desk = Desk(rows={"pilot": MOVED}, books=[batch("pilot")], stock=[])
    text = page(desk.seen(), ENGLISH)

    assert ENGLISH.desks not in text
    assert desk.document_count <= 4


def test_a_batch_in_which_nobody_has_moved_shows_no_desks() -> None:
    """All open of none is no news."""
    text = page(at_desks({"pilot": MOVED[3:]}, {}).seen(), ENGLISH)

    assert ENGLISH.desks not in text


def test_the_desks_of_a_closed_batch_are_counted_until_nobody_is_reminded_any_more() -> None:
    """A batch closes five days after the move, with half of the desks still to do; after a year none is read."""
    desk = at_desks({"pilot": MOVED, "old": MOVED}, {"pilot": MARKS})
    old_utc = NOW_UTC - DESKS_AFTER_CLOSING - timedelta(days=1)
    desk.books = [batch("pilot", closed_utc=NOW_UTC), batch("old", closed_utc=old_utc)]
    pilot, old = desk.seen().batches

    assert pilot.desks is not None
    assert pilot.desks.left_count == 2
    assert (pilot.counts, old.desks) == ((), None)
    assert desk.read_count == len(MOVED)


def test_fifty_thousand_desks_are_not_read_for_a_look() -> None:
    """Thousands of documents a minute for a page that is open all day; the command counts one batch when asked."""
    desk = at_desks({"pilot": MOVED, "second": MOVED}, {"second": MARKS})
    desk.papers[chunks_name("pilot")] = DeskChunks(DESK_DOCUMENTS_READ_MAX + 1)
    pilot, second = desk.seen().batches
    text = page(desk.seen(), ENGLISH)

    assert (pilot.desks, pilot.has_uncounted_desks) == (None, True)
    assert second.desks is not None
    assert ENGLISH.desks_uncounted.format(batch="pilot") in text
    assert desk.document_count < 40


def test_rows_of_closed_batches_are_read_only_as_far_as_the_page_goes() -> None:
    """The desks of last month must not take the place of what moves tonight."""
    many = [mailbox(1, Stage.MIGRATED)] * (ROWS_READ_MAX - 1)
    desk = at_desks({"tonight": many, "old": MOVED}, {})
    desk.books = [batch("tonight"), batch("old", closed_utc=NOW_UTC)]
    tonight, old = desk.seen().batches

    assert (tonight.is_whole, old.is_whole) == (True, False)
    assert desk.read_count <= ROWS_READ_MAX + 2


@EACH_LANGUAGE
def test_a_nasty_step_stays_a_name(words: Words) -> None:
    """The plan is checked; the page does not count on it."""
    desk = at_desks({"pilot": MOVED}, {})
    steps = {NASTY: WorkstationStepPlan("Do it.")}
    desk.plan = replace(desk.plan, workstations=WorkstationsPlan(steps=steps))
    read = Reader(page(desk.seen(), words))

    assert NASTY in read.texts
    assert not {"script", "img"} & set(read.elements)
