"""Whom a reset over many means: the last row of everybody, and nobody whom nothing done to many may touch."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.hand_out import find_entry
from activities.import_passwords import import_passwords
from activities.list_accounts import list_accounts
from activities.reset_passwords import reset_passwords
from bascule.domain.addresses import mailbox_key
from bascule.domain.codec import decode
from bascule.domain.hand_out_file import columns_of
from bascule.domain.password_requests import (
    AccountPageRequest,
    ResetChunk,
    ResetLine,
    ResetRequest,
    ResetResult,
    Selection,
)
from bascule.domain.plan import PasswordRule, Plan
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from sandbox.in_process.simulation import OPERATOR, START_UTC, Options, Simulation
from sandbox.world.directory import User

REQUEST = "reset-passwords-000000000001"


def patterned(plan: Plan) -> Plan:
    """Everybody whom no row says otherwise of is of the cohort `staff`."""
    staff = replace(plan.cohorts["staff"], addresses=("*",))
    return replace(plan, cohorts={**plan.cohorts, "staff": staff})


@pytest.fixture
def school() -> Iterator[Simulation]:
    """A tenant with a plan of one broad pattern; no batch yet."""
    with Simulation(Options(people_count=1, messages_each=11, change_plan=patterned)) as made:
        yield made


def account(simulation: Simulation, name: str, *, is_enabled: bool = True) -> str:
    """An account that somebody else made; its address."""
    address = f"{name}@{simulation.world.naming.domain}"
    now_utc = simulation.world.kernel.now_utc()
    draft = User("", address, name, name, now_utc, is_enabled, password="Tr0ub4dor&3!")
    simulation.world.tenant.directory.create(draft)
    return address


def row(
    simulation: Simulation, address: str, number: int, cohort: str, stage: Stage = Stage.MIGRATED
) -> None:
    """Its row in the batch of that number; a later number was uploaded later, though its name sorts before."""
    batch = f"lot-{9 - number}"
    uploaded_utc = START_UTC + timedelta(days=number)
    ledger, found = simulation.ports.ledger, simulation.ports.directory.find_account(address)
    ledger.add_batch(BatchRecord(batch, "f", 1, uploaded_utc, is_open=True))
    account_id = found.account_id if found else ""
    record = MailboxRecord(batch, mailbox_key(address), address, address, cohort=cohort)
    ledger.add_mailboxes([replace(record, stage=stage, account_id=account_id)])


def lines(simulation: Simulation, selection: Selection) -> dict[str, ResetLine]:
    """What a dry run with random passwords says, page by page, by the local part of the address."""
    request = ResetRequest(REQUEST, selection, OPERATOR, PasswordRule.RANDOM, is_dry_run=True)
    told: list[ResetLine] = []
    after, is_over = "", False
    while not is_over:
        page = list_accounts(simulation.ports, AccountPageRequest(selection, after, 50))
        after, is_over = page.following, not page.following
        reset_passwords(simulation.ports, ResetChunk(request, 0, page.refs, page.addresses))
        report = simulation.report(f"passwords/{REQUEST}/00000.json")
        told += [decode(ResetLine, each) for each in report]
    assert len({line.address for line in told}) == len(told)
    return {line.address.partition("@")[0]: line for line in told}


def test_a_broad_pattern_touches_nobody_whom_nothing_done_to_many_may_touch(
    school: Simulation,
) -> None:
    """A room's account that opens with a password, and a sender of probes whose mails nobody sends any more."""
    account(school, "ann")
    account(school, "room", is_enabled=False)
    tenant = replace(school.plan.tenant, probe_sender=account(school, "probes"))
    object.__setattr__(school.ports, "plan", replace(school.plan, tenant=tenant))

    found = lines(school, Selection(cohort="staff"))

    assert found["ann"].result is ResetResult.WOULD_CHANGE
    assert found["room"].why == "it is disabled"
    assert found["probes"].why == "it sends the probes or gets the reports"


def test_nobody_is_reset_for_a_row_that_was_abandoned_or_has_a_later_one(
    school: Simulation,
) -> None:
    """Somebody abandoned as a pupil who is a teacher now would get a pupil's password."""
    ann, bob, cyd = (account(school, name) for name in ("ann", "bob", "cyd"))
    row(school, ann, 1, "default", Stage.ABANDONED)
    row(school, ann, 2, "staff")
    row(school, bob, 1, "default")
    row(school, bob, 2, "staff")
    row(school, cyd, 1, "staff")
    row(school, cyd, 2, "default", Stage.ABANDONED)

    assert set(lines(school, Selection(cohort="default"))) == set()
    assert set(lines(school, Selection(batch="lot-8"))) == {"cyd"}
    staff = lines(school, Selection(cohort="staff"))
    assert {name for name in staff if name in {"ann", "bob", "cyd"}} == {"ann", "bob", "cyd"}


def test_an_account_by_name_is_of_the_cohort_of_its_last_row(school: Simulation) -> None:
    """The rule of the cohort that it has left would make its password."""
    ann, bob = account(school, "ann"), account(school, "bob")
    row(school, ann, 1, "default")
    row(school, ann, 2, "staff")
    row(school, bob, 1, "default", Stage.ABANDONED)
    request = ResetRequest(REQUEST, Selection(), OPERATOR, PasswordRule.RANDOM, is_dry_run=True)

    reset_passwords(school.ports, ResetChunk(request, 0, addresses=(ann, bob)))

    report = school.report(f"passwords/{REQUEST}/00000.json")
    assert [each["cohort"] for each in report] == ["staff", "staff"]


def test_an_imported_password_is_sealed_for_the_cohort_of_the_last_row(school: Simulation) -> None:
    """Checked and exported as a pupil's, it would be handed out with the wrong class's letters."""
    ann, bob = account(school, "ann"), account(school, "bob")
    row(school, ann, 1, "default")
    row(school, ann, 2, "staff")
    row(school, bob, 1, "default", Stage.ABANDONED)
    content = f"login,mdp\n{ann},Kanari-vogel-7\n{bob},Kanari-vogel-8\n".encode()
    columns = columns_of("login=USER_ID,mdp=USER_PASSWORD")

    import_passwords(
        school.ports, content, columns, request="import-1", asked_by=OPERATOR, is_dry_run=False
    )

    entries = [find_entry(school.ports, address) for address in (ann, bob)]
    assert [entry.person.cohort for entry in entries if entry] == ["staff", "staff"]
