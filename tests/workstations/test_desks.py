"""Marks at the users' desks: set once, counted truly, and reminded a bounded number of times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.desks import REMINDERS_PER_RUN_MAX, counts_of, desks_of, remind, tick
from bascule.domain.addresses import mailbox_key
from bascule.domain.batch_mistakes import BatchFileInvalid
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.plan_file import PlanInvalid, read_plan
from bascule.domain.plan_workstations import WorkstationsPlan, WorkstationStepPlan
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from bascule.domain.workstation_file import TICK_COUNT_MAX, example, read_ticks
from bascule.domain.workstations import DeskChunk, Tick, chunk_name
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
START_UTC = datetime(2026, 3, 2, 8, tzinfo=UTC)


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
        self.ports.ledger.add_mailboxes(
            MailboxRecord(
                BATCH,
                mailbox_key(each),
                each,
                each,
                stage=Stage.MIGRATED,
                migrated_utc=START_UTC,
            )
            for each in self.addresses
        )

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
