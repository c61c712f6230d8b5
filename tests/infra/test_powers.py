"""Further powers are enough for what they are named after, hold nothing to spare, and can be taken away alone.

What the adapters ask for is held against the tenant's faces, which ask for the rights that Microsoft's pages name. About 4 s.
"""

import inspect
import re
from collections.abc import Callable
from types import ModuleType

import pytest

from bascule.adapters.exchange_online import exchange, mail_flow, mail_flow_words, recipients
from bascule.domain.codes import Code
from bascule.domain.directory import NewAccount
from bascule.domain.errors import Refusal
from infra.grants.__main__ import main
from infra.grants.wanted import EXCHANGE_APP_ROLES, EXCHANGE_ROLES, GRAPH_ROLES, POWERS
from sandbox.faces.exchange_catalogue import CMDLETS
from tests.contracts import recipient_doors, tenant_doors
from tests.contracts.tenant_doors import Tenant
from tests.infra.entra_directory import EntraDirectory
from tests.infra.test_grants import APP, WANTED

CORE_APP_ROLES = {each.name for each in (*GRAPH_ROLES, *EXCHANGE_APP_ROLES)}
CORE_EXCHANGE_ROLES = {each.name for each in EXCHANGE_ROLES}
CMDLET = re.compile(r'"([A-Z][a-z]+-[A-Z]\w+)"')
VERBS = ("Get", "New", "Set", "Remove")
# Any mailbox serves for the reports, so one that is there is never corrected.
NEVER_RUN = frozenset({"Set-Mailbox"})
# Of the port that moves mailboxes: without the power, a person is asked to do it.
CORRECTIONS = frozenset({"Set-Mailbox"})
NEW_DOMAIN = "school.example"
ANN = NewAccount("ann@example.org", "Ann Example", "FR", "Correct-Horse-7")


def cmdlets_in(*modules: ModuleType) -> set[str]:
    """Names of cmdlets in the code of an adapter, its docstrings left out."""
    found: set[str] = set()
    for module in modules:
        found |= set(CMDLET.findall(re.sub(r'"""[\s\S]*?"""', "", inspect.getsource(module))))
    return found & {each.name for each in CMDLETS.values()}


def cmdlets_of(power: str) -> set[str]:
    """The cmdlets that a power's adapter may run."""
    if power == "addresses":
        return set(CORRECTIONS)
    if power == "objects":
        return cmdlets_in(recipients)
    if power == "tenant":
        made = {
            f"{verb}-{words.noun}" for verb in VERBS for words in mail_flow_words.WORDS.values()
        }
        known = {each for each in made if each.lower() in CMDLETS}
        return (cmdlets_in(mail_flow) | known) - NEVER_RUN
    return set()


def exchange_roles(power: str) -> set[str]:
    """The management roles with a power."""
    return CORE_EXCHANGE_ROLES | {each.name for each in POWERS[power].exchange}


def allowed(power: str, without: str = "") -> Tenant:
    """A tenant whose app has exactly a power beside what moves mailboxes, less one right."""
    made = tenant_doors.tenant()
    graph = {each.name for each in POWERS[power].graph}
    made.world.tenant.app.roles = (CORE_APP_ROLES | graph) - {without}
    made.world.tenant.exchange_roles = exchange_roles(power) - {without}
    return made


def write_domains(of: Tenant) -> None:
    """Everything that is asked of domains."""
    with tenant_doors.domains("wire", of) as door:
        door.all()
        door.add(NEW_DOMAIN)
        door.verification_records(NEW_DOMAIN)
        door.verify(NEW_DOMAIN)
        door.service_records(of.plan.domains[0])
        door.set_services(of.plan.domains[0], ("Email",))


def read_objects(of: Tenant) -> None:
    """Who is in which group."""
    with recipient_doors.recipients("wire", of) as door:
        door.listed_members()


def correct_addresses(of: Tenant) -> None:
    """Another address for a mailbox that is there."""
    recipient_doors.open_mailbox(of.world, ANN.address)
    with tenant_doors.exchange("wire", of) as door:
        door.correct_addresses(ANN.address, added=(f"ann.two@{of.plan.domains[0]}",))


def set_a_password(of: Tenant) -> None:
    """Another password for an account that exists."""
    with tenant_doors.directory("wire", of) as door:
        account = door.create_account(ANN)
        door.set_password(account.account_id, "Battery-Staple-8", must_change=False)


WORK: dict[str, Callable[[Tenant], None]] = {
    "tenant": write_domains,
    "objects": read_objects,
    "addresses": correct_addresses,
    "passwords": set_a_password,
}


def test_what_moves_mailboxes_runs_no_cmdlet_of_a_power() -> None:
    """Otherwise whoever grants no power cannot migrate."""
    lacking = [
        name
        for name in cmdlets_in(exchange) - CORRECTIONS
        if not CMDLETS[name.lower()].roles & CORE_EXCHANGE_ROLES
    ]

    assert lacking == []


@pytest.mark.parametrize("power", POWERS)
def test_every_cmdlet_of_a_power_may_be_run_with_it(power: str) -> None:
    """A right that is missing from the list stops the preparation half-way."""
    used = cmdlets_of(power)
    lacking = [name for name in used if not CMDLETS[name.lower()].roles & exchange_roles(power)]

    assert bool(used) == bool(POWERS[power].exchange)
    assert lacking == []


@pytest.mark.parametrize(
    ("power", "role"),
    [(power.name, each.name) for power in POWERS.values() for each in power.exchange],
)
def test_every_management_role_of_a_power_is_needed(power: str, role: str) -> None:
    """A role to spare is one more thing that a stolen identity can do."""
    held = exchange_roles(power) - {role}

    assert [name for name in cmdlets_of(power) if not CMDLETS[name.lower()].roles & held]


@pytest.mark.parametrize("power", POWERS)
def test_a_power_is_enough_in_the_directory(power: str) -> None:
    """The work stops at the first 403."""
    assert set(WORK) == set(POWERS)
    WORK[power](allowed(power))


@pytest.mark.parametrize(
    ("power", "right"),
    [
        *((power.name, each.name) for power in POWERS.values() for each in power.graph),
        ("addresses", "Mail Recipients"),
    ],
)
def test_every_permission_of_a_power_is_needed(power: str, right: str) -> None:
    """A permission to spare is one that nobody would miss, but a thief."""
    with pytest.raises(Refusal) as refused:
        WORK[power](allowed(power, without=right))

    assert refused.value.code is Code.PERMISSION_MISSING


@pytest.mark.parametrize("power", POWERS)
def test_a_power_is_granted_by_name_and_taken_away_alone(
    power: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The right to set passwords is for one weekend; the mailboxes move for months."""
    directory = EntraDirectory()
    brought = {each.name for each in POWERS[power].graph}

    assert main((*APP, "--with", power), directory.graph()) == 0
    assert directory.granted() == WANTED | brought
    assert main((*APP, "--with", power, "--check"), directory.graph()) == 0
    capsys.readouterr()
    # What only Exchange knows of is compared in PowerShell.
    assert main((*APP, "--check"), directory.graph()) == (1 if brought else 0)
    assert (f"(of the power {power})" in capsys.readouterr().out) == bool(brought)
    assert main((*APP, "--with", power, "--revoke"), directory.graph()) == 0
    assert directory.granted() == WANTED
    lines = capsys.readouterr().out
    assert "Remove-ServicePrincipal" not in lines
    assert (f'Remove-RoleGroup "Bascule {power}"' in lines) == bool(POWERS[power].exchange)


def test_everything_goes_at_once_in_the_end() -> None:
    """A power that somebody granted a year ago must not outlive the migration."""
    directory = EntraDirectory()
    main((*APP, "--with", *POWERS), directory.graph())

    assert main((*APP, "--revoke"), directory.graph()) == 0
    assert directory.granted() == set()
