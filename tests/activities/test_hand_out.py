"""The sealed store of new passwords, with crashes and lost answers between sealing and setting."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from activities import export_passwords as export
from activities.administrator_password import set_administrator_password
from activities.ensure_account import ensure_account
from activities.export_passwords import ExportRequest, count_exported, export_passwords
from activities.hand_out import discard, find_entry, opened, prepare, seal_waiting, settle
from activities.register_batch import register_batch
from activities.reserve_seats import reserve_seats
from activities.validate_upload import validate_upload
from bascule.domain.codes import Code
from bascule.domain.directory import NewAccount
from bascule.domain.errors import Conflict, Refusal, Unreachable
from bascule.domain.hand_out import HandOut, Person
from bascule.domain.password_requests import Selection
from bascule.domain.passwords import NewPassword, random_password
from bascule.domain.plan import PasswordRule
from sandbox.bound.ports import BoundPorts
from sandbox.in_process.simulation import BATCH, Options, Simulation
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.sign_in import SignInRefused, sign_in
from tests.activities import moments
from tests.activities.moments import REF, first, ref

ANN = Person("ann@example.org", "Ann Example", "default")
ORIGIN = "batch x"


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """One person's migration."""
    with Simulation(Options(people_count=1, messages_each=11)) as made:
        yield made


@pytest.fixture
def ports(simulation: Simulation) -> BoundPorts:
    """Its ports."""
    return simulation.ports


def random_one() -> NewPassword:
    """Another one every time."""
    return NewPassword(random_password(), PasswordRule.RANDOM)


def entry_of(ports: BoundPorts, address: str) -> HandOut:
    """What is kept for a person."""
    entry = find_entry(ports, address)
    assert entry is not None
    return entry


def gets_in(simulation: Simulation, address: str, password: str | None) -> bool:
    """Whether the tenant lets the person in."""
    try:
        sign_in(simulation.world.tenant.directory, address, password or "")
    except SignInRefused:
        return False
    return True


def test_an_attempt_after_a_crash_sets_the_same_random_password(ports: BoundPorts) -> None:
    """The first attempt may have set it: another one would be handed out and open nothing."""
    once = prepare(ports, ANN, ORIGIN, random_one)

    assert prepare(ports, ANN, ORIGIN, random_one) == once
    assert prepare(ports, ANN, "batch y", random_one) != once


def test_a_given_password_that_was_corrected_is_the_one_that_is_set(ports: BoundPorts) -> None:
    """A retry after a corrected file must not use the one before."""
    prepare(ports, ANN, ORIGIN, random_one)
    given = NewPassword("Corrected-1", PasswordRule.GIVEN)

    assert prepare(ports, ANN, ORIGIN, lambda: given) == given.text


def test_the_password_in_force_stays_until_another_one_is(ports: BoundPorts) -> None:
    """A reset that was refused must not lose what is on the letters."""
    in_force = prepare(ports, ANN, ORIGIN, random_one)
    settle(ports, ANN.address, ORIGIN)
    prepare(ports, ANN, "reset-1", random_one)
    discard(ports, ANN.address, "reset-1")
    discard(ports, ANN.address, "reset-1")
    entry = entry_of(ports, ANN.address)

    assert entry.waiting is None
    assert entry.current is not None
    assert opened(ports, entry.current) == in_force


def test_what_is_replaced_is_destroyed(ports: BoundPorts) -> None:
    """Nobody needs it any more, so nobody must be able to open it."""
    for origin in (ORIGIN, "reset-1", "reset-2"):
        prepare(ports, ANN, origin, random_one)
        settle(ports, ANN.address, origin)
    seal_waiting(ports, ANN, "import-1", random_one())
    seal_waiting(ports, ANN, "import-2", random_one())
    day = ports.clock.now_utc().date().isoformat()

    assert ports.secrets.kept_count(f"hand-out {day}") == 2


def test_a_password_sealed_by_somebody_else_meanwhile_is_not_taken_for_ours(
    ports: BoundPorts,
) -> None:
    """The directory has one of the two, and nobody knows which: it is set again."""
    prepare(ports, ANN, ORIGIN, random_one)
    seal_waiting(ports, ANN, "import-1", random_one())

    with pytest.raises(Conflict):
        settle(ports, ANN.address, ORIGIN)


def test_an_administrators_temporary_password_ends_the_hand_out_of_the_one_before(
    simulation: Simulation, ports: BoundPorts
) -> None:
    """A letter with a password that opens nothing; what was imported still waits for its reset."""
    moments.registered(simulation)
    ensure_account(ports, ref(simulation))
    person = replace(ANN, address=first(simulation).address)
    seal_waiting(ports, person, "import-1", random_one())
    everybody = ExportRequest(Selection(addresses=(person.address,)), "anne")
    before = export_passwords(ports, everybody).rows
    password = set_administrator_password(ports, person.address, "anne")
    entry = entry_of(ports, person.address)
    day = ports.clock.now_utc().date().isoformat()

    assert len(before) == 1
    assert export_passwords(ports, everybody).rows == ()
    assert entry.current is None
    assert entry.waiting is not None
    assert ports.secrets.kept_count(f"hand-out {day}") == 1
    assert not gets_in(simulation, person.address, before[0].password)
    assert set_administrator_password(ports, person.address, "anne") != password


def test_a_lost_answer_leaves_the_right_password_and_says_that_it_is_not_certain(
    simulation: Simulation, ports: BoundPorts
) -> None:
    """It opens most likely; but a letter that opens nothing is worse than one that comes later."""
    moments.registered(simulation)
    simulation.world.misfortune.provoke("graph.POST users", Failure(FailureKind.LOST_REPLY, 504))
    with pytest.raises(Unreachable):
        ensure_account(ports, ref(simulation))
    ensure_account(ports, ref(simulation))
    address = first(simulation).address
    current = entry_of(ports, address).current
    page = export_passwords(ports, ExportRequest(Selection(batch=BATCH), "operator"))
    all_of_them = replace(ExportRequest(Selection(batch=BATCH), "operator"), has_uncertain=True)

    assert current is not None
    assert current.is_certain is False
    assert gets_in(simulation, address, opened(ports, current))
    assert (page.rows, page.uncertain_count) == ((), 1)
    assert len(export_passwords(ports, all_of_them).rows) == 1


def test_an_account_that_was_there_keeps_its_password_and_nothing_is_sealed(
    simulation: Simulation, ports: BoundPorts
) -> None:
    """Somebody signs in with it every day."""
    moments.registered(simulation)
    address = first(simulation).address
    ports.directory.create_account(NewAccount(address, "Ann", "FR", "Their-own-word-1"))
    ensure_account(ports, ref(simulation))

    assert find_entry(ports, address) is None
    assert gets_in(simulation, address, "Their-own-word-1")


def test_a_refused_password_is_forgotten_so_that_the_next_one_is_new(
    simulation: Simulation, ports: BoundPorts
) -> None:
    """The same refused one again would set the mailbox aside for ever."""
    banned = {simulation.people[0].address: "Passw0rd"}
    simulation.ports.blobs.upload(BATCH, simulation.csv(NewPassword=banned))
    _register(simulation)

    with pytest.raises(Refusal) as refused:
        ensure_account(ports, ref(simulation))

    assert refused.value.code is Code.PASSWORD_REFUSED
    assert "Passw0rd" not in str(refused.value)
    assert entry_of(ports, first(simulation).address).is_empty


def _register(simulation: Simulation) -> None:
    validate_upload(simulation.ports, REF)
    reserve_seats(simulation.ports, REF)
    register_batch(simulation.ports, REF)


def _in_force(ports: BoundPorts, *people: Person, origin: str = ORIGIN) -> None:
    for person in people:
        prepare(ports, person, origin, random_one)
        settle(ports, person.address, origin)


def test_exports_are_journalled_and_come_in_pages(ports: BoundPorts) -> None:
    """Who took how many is the first question after a leak."""
    people = [
        Person(f"p{number}@example.org", cohort="default", unit="3A" if number else "")
        for number in range(5)
    ]
    _in_force(ports, *people)
    chosen = Selection(unit="3A")
    one = export_passwords(ports, ExportRequest(chosen, "anne", count_max=3))
    two = export_passwords(ports, ExportRequest(chosen, "anne", after=one.following, count_max=3))
    journal = [(entry.asked_by, entry.after) for entry in ports.journal.entries("passwords")]

    assert [len(page.rows) for page in (one, two)] == [3, 1]
    assert two.following == ""
    assert journal == [("anne", "3"), ("anne", "1")]


def test_a_page_looks_at_so_many_and_no_more(
    ports: BoundPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One class among fifty thousand people would read them all in one request, which the front door ends."""
    monkeypatch.setattr(export, "LOOKED_COUNT_MAX", 2)
    people = [
        Person(f"p{number}@example.org", unit="3A" if number == 4 else "3B") for number in range(5)
    ]
    _in_force(ports, *people)
    pages, after = [], ""
    for _ in range(4):
        page = export_passwords(ports, ExportRequest(Selection(unit="3A"), "anne", after=after))
        pages.append(len(page.rows))
        after = page.following
        if not after:
            break
    named = Selection(addresses=(people[3].address, "nobody@example.org"))

    assert (sum(pages), len(pages), after) == (1, 3, "")
    assert len(export_passwords(ports, ExportRequest(named, "anne")).rows) == 1


def test_a_password_is_new_until_somebody_says_that_it_is_written_down(
    simulation: Simulation, ports: BoundPorts
) -> None:
    """A command that fails after the answer would leave somebody without a letter for good."""
    bob = Person("bob@example.org", cohort="default")
    _in_force(ports, ANN, bob)
    new = ExportRequest(Selection(cohort="default"), "anne", is_new_only=True)
    taken = {row.person.address: row.set_utc for row in export_passwords(ports, new).rows}
    simulation.clock.advance_to(simulation.clock.now_utc().replace(minute=1))
    _in_force(ports, bob, origin="reset-1")
    counted = [count_exported(ports, {a: at for a, at in taken.items() if at}) for _ in range(2)]

    assert set(taken) == {ANN.address, bob.address}
    assert counted == [1, 1]
    assert [row.person for row in export_passwords(ports, new).rows] == [bob]
    assert count_exported(ports, {"nobody@example.org": ports.clock.now_utc()}) == 0
