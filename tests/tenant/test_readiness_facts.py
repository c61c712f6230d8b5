"""What the readiness list is held against: what the adapters call, what is granted, what the services and the server say."""

import inspect
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from bascule.adapters.exchange_online import recipients
from bascule.adapters.exchange_online.mail_flow_words import WORDS
from bascule.adapters.surroundings import MicrosoftSurroundings, _roles
from bascule.domain.alias_grants import AliasPowers, read_grants
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.rights import (
    DOMAIN_ROLE,
    EXCHANGE_ROLE,
    GRAPH_ROLES,
    MAIL_ROLES,
    MEMBERS_ROLE,
    MIGRATION_CMDLETS,
    OBJECT_CMDLETS,
    PASSWORD_ROLE,
    TENANT_CMDLETS,
)
from infra.grants.wanted import EXCHANGE_APP_ROLES, POWERS
from infra.grants.wanted import GRAPH_ROLES as GRAPH_RIGHTS
from infra.grants.wanted import MAIL_ROLES as MAIL_RIGHTS
from sandbox.bound.surroundings import WorldSurroundings
from sandbox.faces.server import Faces
from tests.contracts.tenant_doors import TokenFaceCredential, tenant
from tests.tenant.school import plan_of

ADAPTERS = Path(__file__).parents[2] / "bascule" / "adapters" / "exchange_online"


def test_every_cmdlet_that_an_adapter_runs_is_on_the_list() -> None:
    """A cmdlet that is not checked is found to be forbidden in the middle of a batch."""
    text = (ADAPTERS / "exchange.py").read_text(encoding="utf-8")
    called = set(re.findall(r'"((?:Add|Get|New|Remove|Set|Start)-\w+)"', text))
    verbs = ("Get", "New", "Set", "Remove")
    tenant = {f"{verb}-{words.noun}" for words in WORDS.values() for verb in verbs}
    flow = (ADAPTERS / "mail_flow.py").read_text(encoding="utf-8")
    tenant |= set(re.findall(r'"(Test-\w+)"', flow))
    tenant |= {"Enable-TransportRule", "Disable-TransportRule"}
    # The first is the directory's work, the others nobody's: a report mailbox stays, and any kind of it serves.
    never = {"New-AcceptedDomain", "Remove-AcceptedDomain", "Set-Mailbox", "Remove-Mailbox"}

    assert called_in(recipients) == OBJECT_CMDLETS
    # Addresses are corrected where the plan asks for it only; that is a right of its own.
    assert called - {"Set-Mailbox"} == MIGRATION_CMDLETS
    assert tenant - never == TENANT_CMDLETS


def called_in(adapter: ModuleType) -> set[str]:
    """Names of cmdlets in the code of an adapter, its docstrings left out."""
    code = re.sub(r'"""[\s\S]*?"""', "", inspect.getsource(adapter))
    return set(re.findall(r'"((?:Add|Get|New|Remove|Set)-[A-Z]\w+)"', code))


def test_every_permission_is_one_that_is_granted() -> None:
    """The list that is checked and the list that is granted are one."""
    assert {right.name for right in GRAPH_RIGHTS} == GRAPH_ROLES | MAIL_ROLES
    assert {right.name for right in MAIL_RIGHTS} == MAIL_ROLES
    assert {right.name for right in EXCHANGE_APP_ROLES} == {EXCHANGE_ROLE}
    assert {right.name for right in POWERS["tenant"].graph} == {DOMAIN_ROLE}
    assert {right.name for right in POWERS["objects"].graph} == {MEMBERS_ROLE}
    assert {right.name for right in POWERS["passwords"].graph} == {PASSWORD_ROLE}


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (
            (
                "GRANT USAGE ON *.* TO `b`@`%`",
                "GRANT SELECT, UPDATE ON `mail`.`virtual` TO `b`@`%`",
            ),
            AliasPowers(True, True),
        ),
        (
            ("GRANT SELECT, UPDATE (`destination`) ON `mail`.`virtual` TO `b`@`%`",),
            AliasPowers(True, True),
        ),
        (("GRANT SELECT ON `mail`.`virtual` TO `b`@`%`",), AliasPowers(True, False)),
        (
            ("GRANT ALL PRIVILEGES ON `mail`.* TO 'b'@'%' WITH GRANT OPTION",),
            AliasPowers(True, True, ("ALL PRIVILEGES on mail.*", "GRANT OPTION on mail.*")),
        ),
        (
            ("GRANT SELECT, UPDATE, DELETE ON `mail`.`virtual` TO `b`@`%`",),
            AliasPowers(True, True, ("DELETE on mail.virtual",)),
        ),
        (
            ("GRANT SELECT, UPDATE ON `mail`.`other` TO `b`@`%`",),
            AliasPowers(False, False, ("SELECT, UPDATE on mail.other",)),
        ),
        (
            ("GRANT `migrators` TO `b`@`%`",),
            AliasPowers(False, False, (), ("GRANT `migrators` TO `b`@`%`",)),
        ),
    ],
)
def test_grants_are_read_as_the_server_writes_them(
    lines: tuple[str, ...], wanted: AliasPowers
) -> None:
    """Too few stop a cutover between its two redirects; too many can empty the table."""
    assert read_grants(lines, "mail", "virtual") == wanted


def test_the_wire_and_the_world_tell_the_same_rights() -> None:
    """The list is only as good as what reads the tokens and the gateway's answer."""
    school = tenant()
    plan = replace(plan_of(school.world), tenant=school.plan)
    with Faces(school.world) as faces:
        base_url = faces.addresses["exchange_url"].partition("/adminapi")[0]
        wire = MicrosoftSurroundings(TokenFaceCredential(faces.addresses), plan, base_url=base_url)
        world = WorldSurroundings(school.world)

        assert wire.token_roles() == world.token_roles()
        assert wire.permitted_cmdlets() == world.permitted_cmdlets()
        assert abs(wire.clock_skew_s()) < 60


def test_the_wire_and_the_world_refuse_the_list_alike() -> None:
    """An app that may not enter is not one whose rights nobody knows."""
    school = tenant()
    school.world.tenant.app.roles.discard(EXCHANGE_ROLE)
    plan = replace(plan_of(school.world), tenant=school.plan)
    with Faces(school.world) as faces:
        base_url = faces.addresses["exchange_url"].partition("/adminapi")[0]
        wire = MicrosoftSurroundings(TokenFaceCredential(faces.addresses), plan, base_url=base_url)
        for door in (wire, WorldSurroundings(school.world)):
            with pytest.raises(Refusal, check=lambda no: no.code is Code.PERMISSION_MISSING):
                door.permitted_cmdlets()
        assert abs(wire.clock_skew_s()) < 60


def test_a_token_that_nobody_can_read_is_unknown() -> None:
    """Read as empty it would make every permission red."""
    with pytest.raises(Unreachable):
        _roles("no-token", "Graph")
