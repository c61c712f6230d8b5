"""Marks at the users' desks: set once, counted truly, and reminded a bounded number of times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.desk_chunks import desks_of
from activities.desks import REMINDERS_PER_RUN_MAX, counts_of, remind, tick
from bascule.domain.addresses import mailbox_key
from bascule.domain.batch_mistakes import BatchFileInvalid
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.plan_file import PlanInvalid, read_plan
from bascule.domain.plan_workstations import WorkstationsPlan, WorkstationStepPlan
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.workstation_file import TICK_COUNT_MAX, example, read_ticks
from bascule.domain.workstations import (
    Desk,
    DeskChunk,
    DeskChunks,
    Mark,
    Tick,
    chunk_name,
    chunks_name,
)
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.in_process.plan import plan_of
from sandbox.local_host.clock import VirtualClock
from sandbox.world.coexistence import prepare_coexistence
from sandbox.world.world import World
from tests.domain.test_plan_file import GOOD

STEPS = ("outlook", "office")
PLAN = WorkstationsPlan(
    steps={step: WorkstationStepPlan(f"Please do {step}.") for step in STEPS},
    reminder_subject="What is left to do",
)
BATCH = "lot-1"
# Longer than what a key keeps of an address.
NAME = "maria-theresia-antonietta.von-und-zu-hohenlohe"
START_UTC = datetime(2026, 3, 2, 8, tzinfo=UTC)


def migrated(address: str) -> MailboxRecord:
    """A mailbox that has moved."""
    key, stage = mailbox_key(address), Stage.MIGRATED
    return MailboxRecord(BATCH, key, address, address, stage=stage, migrated_utc=START_UTC)


class Office:
    """A batch of migrated mailboxes, and a notifier that remembers."""

    def __init__(self, count: int, plan: WorkstationsPlan = PLAN) -> None:
        self.clock = VirtualClock(START_UTC)
        world = World(1, self.clock.now_utc)
        ports = bound_ports(world, plan_of(world, prepare_coexistence(world)))
        self.told: list[tuple[str, str]] = []
        self.ports: BoundPorts = replace(
            ports,
            plan=replace(ports.plan, workstations=plan),
            notifier=self,  # type: ignore[arg-type]
        )
        self.batch = BatchRecord(BATCH, "f", count, START_UTC, is_open=True)
        self.ports.ledger.add_batch(self.batch)
        self.addresses = [f"user{number}@example.org" for number in range(count)]
        self.ports.ledger.add_mailboxes(map(migrated, self.addresses))

    def grow(self, count: int) -> None:
        """A changed upload was accepted, with so many more; rows are counted as they were by an earlier release."""
        begin = len(self.addresses)
        more = [f"{number}.{NAME}@example.org" for number in range(begin, begin + count)]
        self.ports.ledger.add_mailboxes(map(migrated, more))
        self.addresses += more

    def tell_user(self, address: str, subject: str, text: str) -> None:
        """Remember."""
        assert subject == PLAN.reminder_subject
        self.told.append((address, text))

    def tick(self, *addresses: str, step: str = "outlook", is_done: bool = True) -> int:
        """Marks by one colleague."""
        ticks = [Tick(each, step, is_done) for each in addresses]
        return tick(self.ports, self.batch, ticks, "colleague@example.org")

    def counts(self) -> Any:
        """As the batch shows them."""
        records = list(self.ports.ledger.mailboxes(BATCH))
        return counts_of(self.ports, BATCH, records)

    def pass_days(self, days: float) -> None:
        """Let time pass."""
        self.clock.advance_to(self.clock.now_utc() + timedelta(days=days))


def test_who_is_on_the_way_back_has_no_desk_to_do() -> None:
    """A letter that asks to set Outlook up for the new mailbox, while the old one comes back, undoes the technician's work."""
    office = Office(2)
    anna, bob = office.addresses
    office.ports.ledger.amend_mailbox(
        BATCH, mailbox_key(anna), lambda row: replace(row, rollback_began_utc=START_UTC)
    )
    office.pass_days(PLAN.reminder_days + 1)

    assert office.counts().migrated_count == 1
    assert remind(office.ports) == 1
    assert [address for address, _ in office.told] == [bob]


def test_marks_are_counted_for_each_step_and_for_who_is_through() -> None:
    """A count that is wrong sends a technician to the wrong desks."""
    office = Office(3)
    anna, bob, _ = office.addresses
    office.tick(anna, bob)
    office.tick(anna, step="office")

    counts = office.counts()
    assert (counts.migrated_count, counts.done, counts.complete_count) == (
        3,
        {"outlook": 2, "office": 1},
        1,
    )


def test_the_same_mark_again_changes_nothing_and_keeps_who_was_first() -> None:
    """A list that is uploaded twice must not rewrite who did the work."""
    office = Office(1)
    office.tick(office.addresses[0])
    before = desks_of(office.ports, BATCH)
    office.pass_days(1)
    office.tick(office.addresses[0])

    assert desks_of(office.ports, BATCH) == before


def test_a_mark_can_be_taken_back() -> None:
    """A slip of the mouse must not hide an unfinished desk for ever."""
    office = Office(1)
    office.tick(office.addresses[0])
    office.tick(office.addresses[0], is_done=False)

    assert office.counts().done == {"outlook": 0, "office": 0}


def test_nothing_is_marked_when_one_address_is_not_in_the_batch() -> None:
    """Half a list applied is a list that nobody dares to send again."""
    office = Office(1)
    with pytest.raises(Refusal, match=r"nobody@example\.org"):
        office.tick(office.addresses[0], "nobody@example.org")

    assert office.counts().done["outlook"] == 0


def test_a_mailbox_that_has_not_moved_is_not_counted() -> None:
    """Its desk has nothing to do yet."""
    office = Office(2)
    key = mailbox_key(office.addresses[0])
    office.ports.ledger.amend_mailbox(BATCH, key, lambda row: replace(row, stage=Stage.SYNCED))

    assert office.counts().migrated_count == 1


def test_without_steps_in_the_plan_nothing_is_counted() -> None:
    """A section that nobody wrote must not appear on every batch."""
    assert Office(1, WorkstationsPlan()).counts() is None


def test_three_hundred_desks_with_every_step_fit_into_their_rows() -> None:
    """A row that is too long is refused, and with it every mark of its twenty neighbours."""
    steps = ("outlook", "office", "telephone", "scanner", "archive")
    plan = WorkstationsPlan(steps={step: WorkstationStepPlan(step) for step in steps})
    office = Office(300, plan)
    for step in steps:
        office.tick(*office.addresses, step=step)

    assert office.counts().complete_count == 300
    longest = max(
        len(repr(office.ports.documents.find(chunk_name(BATCH, number), DeskChunk)))
        for number in range(15)
    )
    assert longest < 30_000


def test_a_full_row_has_room_for_every_mark_of_the_longest_names() -> None:
    """A row that is full of people must still take what they do."""
    steps = tuple(f"step_number_{number}_of_five" for number in range(5))
    office = Office(1, WorkstationsPlan({step: WorkstationStepPlan(step) for step in steps}))
    office.tick(office.addresses[0], step=steps[0])
    office.grow(99)
    for step in steps:
        tick(office.ports, office.batch, [Tick(each, step) for each in office.addresses], "é" * 99)

    assert office.counts().complete_count == 100


def test_a_batch_that_grows_forty_times_over_is_reminded_to_the_last() -> None:
    """One full row, and nobody of the batch is reminded any more, nor of the next."""
    office = Office(10)
    office.tick(office.addresses[0])
    office.grow(390)
    office.pass_days(7)
    while remind(office.ports):
        pass

    assert sorted(address for address, _ in office.told) == sorted(office.addresses)
    desks = desks_of(office.ports, BATCH)
    assert {desk.reminder_count for desk in desks.values()} == {1}
    for step in STEPS:
        office.tick(*office.addresses, step=step)
    assert office.counts().complete_count == 400


def test_a_row_that_an_earlier_release_has_filled_is_read_and_gone_on_from() -> None:
    """Its marks are work that somebody has done, and its users are waiting for the rest."""
    office = Office(140)
    first, second = (mailbox_key(each) for each in office.addresses[:2])
    told = Desk((Mark("outlook", "colleague", START_UTC),), 1, START_UTC)
    full = DeskChunk({mailbox_key(each): told for each in office.addresses})
    office.ports.documents.amend(chunks_name(BATCH), DeskChunks, lambda _: DeskChunks(1))
    office.ports.documents.amend(chunk_name(BATCH, 0), DeskChunk, lambda _: full)
    office.tick(office.addresses[0], step="office")
    office.grow(20)
    office.pass_days(7)
    while remind(office.ports):
        pass

    desks = desks_of(office.ports, BATCH)
    assert (desks[first].done, desks[first].reminder_count) == (frozenset(STEPS), 1)
    assert (desks[second].done, desks[second].reminder_count) == (frozenset({"outlook"}), 2)
    assert len(office.told) == 159


def test_one_who_cannot_be_reminded_keeps_nobody_else_from_it() -> None:
    """The same mailbox would stand in everybody's way again in an hour."""
    office = Office(3)
    remember = office.tell_user

    def refuses_the_first(address: str, subject: str, text: str) -> None:
        if address == office.addresses[0]:
            raise Refusal(Code.REQUEST_REJECTED, "no such recipient")
        remember(address, subject, text)

    office.tell_user = refuses_the_first  # type: ignore[method-assign]
    office.pass_days(7)

    with pytest.raises(Refusal, match="2 users were reminded, 1 were not: no such recipient"):
        remind(office.ports)
    assert sorted(address for address, _ in office.told) == office.addresses[1:]


def test_who_does_the_last_step_while_reminders_go_out_gets_no_empty_letter() -> None:
    """A letter without a task is a question to the help desk."""
    office = Office(2)
    office.tick(*office.addresses)
    remember, (anna, bob) = office.tell_user, office.addresses
    # Whoever is told first, the other is ticked at that moment.
    other = {anna: bob, bob: anna}

    def ticks_meanwhile(address: str, subject: str, text: str) -> None:
        remember(address, subject, text)
        office.tick(other[address], step="office")

    office.tell_user = ticks_meanwhile  # type: ignore[method-assign]
    office.pass_days(7)

    assert remind(office.ports) == 1
    assert [text for _, text in office.told] == ["Please do office."]


def test_reminders_come_a_bounded_number_of_times_with_what_is_open() -> None:
    """The fourth letter about the same profile is answered by a filter."""
    office = Office(2)
    office.tick(office.addresses[0])
    office.tick(office.addresses[0], step="office")
    assert remind(office.ports) == 0  # too early
    for _ in range(10):
        office.pass_days(7)
        remind(office.ports)
        remind(office.ports)

    assert (
        office.told
        == [(office.addresses[1], "Please do outlook.\n\nPlease do office.")]
        * PLAN.reminder_count_max
    )


def test_no_run_sends_more_than_the_mailbox_of_the_probes_can_spare() -> None:
    """Probes that wait behind reminders look like lost mail, and hold cutovers up."""
    office = Office(REMINDERS_PER_RUN_MAX + 5)
    office.pass_days(7)

    assert remind(office.ports) == REMINDERS_PER_RUN_MAX
    assert remind(office.ports) == 5
    assert remind(office.ports) == 0


def test_a_crash_while_sending_never_sends_one_too_many() -> None:
    """Bounded means bounded, also in a week of outages."""
    office = Office(1)

    def away(address: str, subject: str, text: str) -> None:
        office.told.append((address, text))
        raise Unreachable("the answer was lost")

    office.tell_user = away  # type: ignore[method-assign]
    for _ in range(10):
        office.pass_days(7)
        with pytest.raises(Unreachable) if len(office.told) < 3 else _nothing():
            remind(office.ports)

    assert len(office.told) == PLAN.reminder_count_max


class _nothing:  # noqa: N801  reads as a context, like pytest.raises
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def test_a_file_of_marks_is_read_as_spreadsheets_write_it() -> None:
    """Semicolons, a byte order mark and a Windows code page are what arrives."""
    text = "Step;EmailAddress;Done\r\noutlook;Anna@Example.org;oui\r\n\r\noffice;bob@example.org;no\r\n"
    expected = (Tick("anna@example.org", "outlook"), Tick("bob@example.org", "office", False))

    for encoding in ("utf-8-sig", "windows-1252", "utf-16"):
        assert read_ticks(text.encode(encoding), STEPS) == expected
    assert len(read_ticks(example(STEPS).encode(), STEPS)) == 2


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", [(0, 0)]),
        ("EmailAddress,Stage\n", [(1, 2), (1, 0)]),
        (
            "EmailAddress,Step,Done\nnobody,outlook,yes\na@b.org,fax,perhaps\n",
            [(2, 1), (3, 2), (3, 3)],
        ),
        ('EmailAddress,Step\n"a@b.org,outlook\n', [(0, 0)]),
        ("EmailAddress,Step\n" + "a@b.org,outlook\n" * (TICK_COUNT_MAX + 1), [(0, 0)]),
    ],
    ids=["empty", "header", "rows", "quote", "long"],
)
def test_every_mistake_of_a_file_is_named_with_its_place(
    text: str, places: list[tuple[int, int]]
) -> None:
    """One mistake per attempt makes an afternoon out of a list."""
    with pytest.raises(BatchFileInvalid) as refused:
        read_ticks(text.encode(), STEPS)

    assert [(each.line, each.column) for each in refused.value.mistakes] == places


def test_the_plan_names_the_steps_with_their_texts() -> None:
    """A step without a text would be mailed as an empty letter."""
    plan = read_plan(GOOD + '\n[workstations.steps.outlook]\ntext = "Close Outlook."\n')
    assert plan.workstations.steps["outlook"].text == "Close Outlook."
    assert read_plan(GOOD).workstations.steps == {}

    wrong = "".join(f'\n[workstations.steps."s-{n}"]\ntext = ""\n' for n in range(6))
    with pytest.raises(PlanInvalid) as refused:
        read_plan(GOOD + wrong)
    assert "workstations.steps" in {mistake.key for mistake in refused.value.mistakes}
