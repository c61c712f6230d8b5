"""Resets of many passwords as their story lives them: told, waited for, set in chunks, whatever the directory says."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.hand_out import expire, find_entry, opened, seal_waiting
from bascule.domain.codec import encode
from bascule.domain.codes import Code
from bascule.domain.directory import Account, NewAccount
from bascule.domain.errors import Refusal
from bascule.domain.hand_out import person_of
from bascule.domain.password_requests import ResetRequest, Selection
from bascule.domain.passwords import NewPassword
from bascule.domain.plan import AccountPlan, HandOutPlan, NoticePlan, PasswordRule, Plan
from orchestrators import passwords as story
from orchestrators.passwords import begun
from sandbox.in_process.simulation import BATCH, OPERATOR, Simulation
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.sign_in import SignInRefused, sign_in
from tests.stories.conftest import Simulate

SUBJECT = "Your password changes tomorrow"


def with_rule(rule: PasswordRule, **others: Any) -> Callable[[Plan], Plan]:
    """The plan with another rule in its default cohort."""

    def change(plan: Plan) -> Plan:
        cohort = replace(plan.cohorts["default"], password=rule)
        return replace(plan, cohorts={**plan.cohorts, "default": cohort}, **others)

    return change


@pytest.fixture
def school(simulate: Simulate) -> Simulation:
    """Three people with licensed accounts."""
    return licensed(simulate())


def licensed(simulation: Simulation) -> Simulation:
    """The same with everybody's account made."""
    simulation.upload()
    simulation.run_until(lambda: all(row.account_id for row in simulation.records()))
    return simulation


def asked(simulation: Simulation, number: int = 1, **wishes: Any) -> dict[str, Any]:
    """Ask for a reset and wait for its end; `wishes` are fields of the request, everybody and random by default."""
    request = ResetRequest(
        **{
            "request": f"reset-passwords-{number:012x}",
            "selection": Selection(batch=BATCH),
            "asked_by": OPERATOR,
            "rule": PasswordRule.RANDOM,
            **wishes,
        }
    )
    simulation.engine.start("reset", encode(begun(request)), request.request)
    simulation.run_until(lambda: simulation.output(request.request) is not None)
    answer: dict[str, Any] = json.loads(simulation.output(request.request) or "{}")
    return answer


def password_of(simulation: Simulation, address: str) -> str:
    """The password that would be handed out."""
    entry = find_entry(simulation.ports, address)
    assert entry is not None
    assert entry.current is not None
    return opened(simulation.ports, entry.current) or ""


def gets_in(simulation: Simulation, address: str, password: str) -> bool:
    """Whether the tenant lets the person in."""
    try:
        sign_in(simulation.world.tenant.directory, address, password)
    except SignInRefused:
        return False
    return True


def passwords_of(simulation: Simulation) -> dict[str, str]:
    """{address: the password that would be handed out} of everybody."""
    return {person.address: password_of(simulation, person.address) for person in simulation.people}


def test_everybody_gets_in_with_what_is_handed_out_and_with_nothing_else(
    school: Simulation,
) -> None:
    """A letter with a wrong password is a queue at the help desk on Monday."""
    before = passwords_of(school)
    answer = asked(school)
    after = passwords_of(school)

    assert (answer["changed"], answer["refused_count"], answer["stopped"]) == (3, 0, "")
    for address in before:
        assert gets_in(school, address, after[address])
        assert not gets_in(school, address, before[address])
    assert school.witness.broken == []


def test_a_dry_run_says_who_would_change_and_changes_nobody(school: Simulation) -> None:
    """It is asked for because somebody is not sure."""
    before = passwords_of(school)
    answer = asked(school, is_dry_run=True)
    report = school.report("passwords/reset-passwords-000000000001/00000.json")

    assert (answer["changed"], answer["is_dry_run"]) == (3, True)
    assert {line["result"] for line in report} == {"would change"}
    assert {line["address"] for line in report} == set(before)
    assert passwords_of(school) == before


def test_the_same_request_twice_changes_once(school: Simulation) -> None:
    """The engine may run a chunk whose answer was lost again; letters may be printed already."""
    asked(school)
    once = passwords_of(school)
    school.engine.control.purge("reset-passwords-000000000001")
    answer = asked(school)

    assert answer["changed"] == 3
    assert passwords_of(school) == once


def test_throttling_holds_a_reset_up_and_loses_nothing(school: Simulation) -> None:
    """Thousands of writes meet the directory's limit for certain."""
    for _ in range(5):
        school.world.misfortune.provoke(
            "graph.PATCH users", Failure(FailureKind.THROTTLED, 429, 40)
        )
    school.world.misfortune.provoke("graph.PATCH users", Failure(FailureKind.LOST_REPLY, 504))
    answer = asked(school)

    assert answer["changed"] == 3
    assert all(gets_in(school, *both) for both in passwords_of(school).items())


def test_who_must_not_be_touched_is_named_and_the_others_go_on(simulate: Simulate) -> None:
    """A reset that locks the administrator out ends the migration."""
    simulation = simulate()
    protected, admin = simulation.people[0].address, simulation.people[1].address
    licensed(simulation)
    directory = simulation.world.tenant.directory
    truth = directory.truth(admin)
    assert truth is not None
    directory.administrators.add(truth.user_id)
    object.__setattr__(
        simulation.ports,
        "plan",
        replace(simulation.plan, accounts=AccountPlan(never_touch=(protected,))),
    )
    before = passwords_of(simulation)
    answer = asked(simulation)
    why = {line["address"]: line["why"] for line in answer["refused"]}

    assert answer["changed"] == 1
    assert why[protected] == "accounts.never_touch protects it"
    assert why[admin].startswith("permission_missing: ")
    assert passwords_of(simulation)[admin] == before[admin]
    assert gets_in(simulation, protected, before[protected])


class OddDirectory:
    """The directory, but for one account at which it refuses every look."""

    def __init__(self, directory: Any, odd: str) -> None:
        self._directory, self._odd = directory, odd

    def find_account(self, address: str) -> Account | None:
        """Refused for the odd one."""
        if address == self._odd:
            raise Refusal(Code.REQUEST_REJECTED, "SomethingNew")
        found: Account | None = self._directory.find_account(address)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)


def test_an_account_that_cannot_be_looked_at_is_named_and_the_others_go_on(
    school: Simulation,
) -> None:
    """One odd account among thousands must not end the reset, nor hold it up for half a day."""
    odd = school.people[1].address
    object.__setattr__(school.ports, "directory", OddDirectory(school.ports.directory, odd))
    answer = asked(school)

    assert answer["changed"] == 2
    assert [(line["address"], line["why"]) for line in answer["refused"]] == [
        (odd, "request_rejected: SomethingNew")
    ]


class RefusedLedger:
    """A ledger that the app may not read."""

    def __getattr__(self, name: str) -> Any:
        raise Refusal(Code.PERMISSION_MISSING, f"{name}: answered 403")


def test_a_reset_whose_storage_refuses_ends_with_its_tally(school: Simulation) -> None:
    """A request that only says Failed does not tell whose password is another one now."""
    object.__setattr__(school.ports, "ledger", RefusedLedger())
    answer = asked(school)

    assert answer["changed"] == 0
    assert "answered 403" in answer["stopped"]


def test_without_the_permission_it_stops_and_says_so(
    school: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three thousand refusals one by one would take an hour and say no more."""
    monkeypatch.setattr(story, "CHUNK_COUNT_MAX", 3)
    school.world.tenant.app.roles -= {"User-PasswordProfile.ReadWrite.All"}
    before = passwords_of(school)
    answer = asked(school)

    assert (answer["changed"], answer["stopped"]) == (0, "permission_missing")
    assert passwords_of(school) == before


def test_imported_passwords_are_set_and_who_has_none_is_named(simulate: Simulate) -> None:
    """A cohort of given passwords must never be surprised by random ones."""
    simulation = licensed(simulate(change_plan=with_rule(PasswordRule.GIVEN)))
    record = simulation.records()[0]
    given = NewPassword("Imported-1-word", PasswordRule.GIVEN)
    seal_waiting(simulation.ports, person_of(record), "import a", given)
    answer = asked(simulation, rule=None)

    assert answer["changed"] == 1
    assert {line["why"] for line in answer["refused"]} == {"no password was imported for it"}
    assert gets_in(simulation, record.address, given.text)
    assert password_of(simulation, record.address) == given.text


def test_a_cohort_that_keeps_its_passwords_keeps_them(simulate: Simulate) -> None:
    """Teachers who have signed in for years would be outside."""
    notices = NoticePlan(password_subject=SUBJECT, password_text="{address}", password_ahead_h=24)
    simulation = licensed(simulate(change_plan=with_rule(PasswordRule.KEEP, notices=notices)))
    began_utc = simulation.clock.now_utc()
    answer = asked(simulation, rule=None)

    assert simulation.clock.now_utc() - began_utc < timedelta(hours=1)
    assert (answer["changed"], answer["told"]) == (0, 0)
    assert {line["why"] for line in answer["refused"]} == {"its cohort keeps passwords"}


def test_a_banned_word_is_refused_by_its_code_and_the_old_password_stays(
    school: Simulation,
) -> None:
    """What is handed out must stay what is in force."""
    record = school.records()[0]
    before = password_of(school, record.address)
    banned = NewPassword("Passw0rd", PasswordRule.GIVEN)
    seal_waiting(school.ports, person_of(record), "import a", banned)
    answer = asked(
        school, rule=PasswordRule.GIVEN, selection=Selection(addresses=(record.address,))
    )

    assert answer["refused"][0]["why"].startswith("password_refused: ")
    assert banned.text not in json.dumps(answer)
    assert password_of(school, record.address) == before
    assert gets_in(school, record.address, before)


def test_everybody_is_told_once_and_before(simulate: Simulate) -> None:
    """Who finds the door locked without a word calls; who is told twice asks which mail is the fraud."""
    notices = NoticePlan(password_subject=SUBJECT, password_text="{address}", password_ahead_h=24)
    simulation = licensed(simulate(change_plan=lambda plan: replace(plan, notices=notices)))
    before = passwords_of(simulation)
    request = ResetRequest(
        "reset-passwords-00000000000a", Selection(cohort="default"), OPERATOR, PasswordRule.RANDOM
    )
    simulation.engine.start("reset", encode(begun(request)), request.request)
    simulation.pass_time(hours=23)
    early = passwords_of(simulation)
    simulation.pass_time(hours=2)

    assert early == before
    assert set(passwords_of(simulation).values()).isdisjoint(before.values())
    assert {address: _told_count(simulation, address) for address in before} == dict.fromkeys(
        before, 1
    )


def test_people_can_be_told_before_their_accounts_are_there(simulate: Simulate) -> None:
    """A pupil who hears of the new password only at the locked door has heard too late."""
    notices = NoticePlan(password_subject=SUBJECT, password_text="{address}")
    simulation = simulate(change_plan=lambda plan: replace(plan, notices=notices))
    simulation.upload()
    answer = asked(simulation, is_notice_only=True)
    simulation.pass_time(hours=1)
    addresses = [person.address for person in simulation.people]

    assert (answer["told"], answer["changed"]) == (3, 0)
    assert [_told_count(simulation, address) for address in addresses] == [1, 1, 1]


def _told_count(simulation: Simulation, address: str) -> int:
    """At the source, where mail still goes; the sync makes copies of it."""
    box = simulation.world.source.at_address(address)
    assert box is not None
    with simulation.world.kernel.look():
        return sum(SUBJECT.encode() in message.raw for _, message in box.store.walk())


def test_a_cohort_is_chosen_over_all_batches_and_a_unit_within(simulate: Simulate) -> None:
    """A school is migrated in many batches; its third form is in several."""
    simulation = simulate(people_count=4)
    addresses = [person.address for person in simulation.people]
    units = {addresses[0]: "3A", addresses[1]: "3B", addresses[2]: "3A"}
    content = simulation.csv(Unit=units, Cohort={addresses[3]: "staff"})
    simulation.world.tenant.directory.buy(
        "STANDARDWOFFPACK_FACULTY", type(next(iter(_seats(simulation))))(enabled=5)
    )
    simulation.upload(content)
    simulation.run_until(lambda: all(row.account_id for row in simulation.records()))
    dry = {"is_dry_run": True}

    assert asked(simulation, 1, selection=Selection(cohort="default"), **dry)["changed"] == 3
    assert asked(simulation, 2, selection=Selection(unit="3A"), **dry)["changed"] == 2
    assert asked(simulation, 3, selection=Selection(cohort="staff"), **dry)["changed"] == 1


def test_a_cohort_has_newcomers_that_no_batch_knows(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pupils who came in October have no old mailbox, and forget their passwords as well."""

    def patterned(plan: Plan) -> Plan:
        cohort = replace(plan.cohorts["staff"], addresses=("new.*@*",))
        return replace(plan, cohorts={**plan.cohorts, "staff": cohort})

    monkeypatch.setattr(story, "CHUNK_COUNT_MAX", 2)
    simulation = licensed(simulate(change_plan=patterned))
    for name in ("new.a", "new.b", "new.c", "other"):
        address = f"{name}@{simulation.world.naming.domain}"
        new = NewAccount(address, name, "FR", "Their-own-word-1")
        simulation.ports.directory.create_account(new)
    answer = asked(simulation, selection=Selection(cohort="staff"))
    newcomer = f"new.b@{simulation.world.naming.domain}"

    assert (answer["changed"], answer["refused_count"]) == (3, 0)
    assert gets_in(simulation, newcomer, password_of(simulation, newcomer))


def _seats(simulation: Simulation) -> Any:
    return simulation.world.tenant.directory.shelf.seats.values()


def test_the_history_stays_short_however_many_there_are(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long history is replayed at every turn, and ends in a story that cannot move."""
    simulation = licensed(simulate(people_count=40, messages_each=11))
    monkeypatch.setattr(story, "CHUNK_COUNT_MAX", 1)
    answer = asked(simulation)

    assert (answer["changed"], answer["chunks"]) == (40, 41)
    assert simulation.witness.longest["reset-passwords-000000000001"] <= 200


def test_passwords_are_destroyed_when_their_time_is_over(simulate: Simulate) -> None:
    """What was never fetched must not lie about for ever."""

    def short(plan: Plan) -> Plan:
        return replace(plan, hand_out=HandOutPlan(keep_days=3))

    simulation = licensed(simulate(change_plan=short))
    address = simulation.people[0].address
    entry = find_entry(simulation.ports, address)
    assert entry is not None
    assert entry.current is not None
    simulation.clock.advance_to(simulation.clock.now_utc().replace(day=5))
    kept = (expire(simulation.ports), opened(simulation.ports, entry.current) is not None)
    simulation.clock.advance_to(simulation.clock.now_utc().replace(day=6))
    over = (expire(simulation.ports), opened(simulation.ports, entry.current))

    assert kept == (0, True)
    assert over == (1, None)
    assert find_entry(simulation.ports, address) is None
    assert expire(simulation.ports) == 0


def test_no_password_reaches_the_engine(school: Simulation) -> None:
    """The engine keeps everything it hears for months."""
    school.witness.forbidden += [each[:6] for each in passwords_of(school).values()]
    asked(school)
    school.witness.forbidden += [each[:6] for each in passwords_of(school).values()]
    asked(school, 2)

    assert school.witness.leaks == set()
