"""What the steps of the tenant share: its parts, a look at all of them, its journal, and whether its routing stands."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.records import JournalEntry
from bascule.domain.tenant import (
    MISSING,
    CoexistenceGroup,
    Difference,
    Part,
    RoutingRule,
    TenantObject,
    differences,
    part_of,
    wanted_objects,
)
from bascule.domain.tenant_domains import EMAIL_SERVICE, TenantDomain
from bascule.domain.tenant_records import BINDING, DRIFT, JOURNAL, Binding, Drift, PartRef
from bascule.ports.bundle import Ports

# The guard looks this often. A cutover holds for hours before it turns an alias, so a group that goes is noticed long
# before; and a look is some eight calls, of which a tenant takes far more in ten minutes.
GUARD_PERIOD_S = 600.0
# Two periods without a look, and a little for the look itself: the guard does not run.
SILENT = timedelta(seconds=2.5 * GUARD_PERIOD_S)


def planned_objects(ports: Ports) -> tuple[TenantObject, ...]:
    """What the plan wants in Exchange.

    Raises:
        Refusal(REQUEST_REJECTED): the plan names no Postfix host.
    """
    if not ports.plan.mail_flow.postfix_hosts:
        raise Refusal(
            Code.REQUEST_REJECTED,
            "the plan has no mail_flow.postfix_hosts to send members' mail to",
        )
    return wanted_objects(ports.plan)


def planned_parts(ports: Ports) -> tuple[PartRef, ...]:
    """Everything that is prepared, domains first."""
    domains = [PartRef(Part.DOMAIN, name) for name in ports.plan.tenant.domains]
    objects = [PartRef(part_of(each), each.name) for each in planned_objects(ports)]
    return (*domains, *objects)


def look_at(
    ports: Ports, wanted: tuple[TenantObject, ...]
) -> Iterator[tuple[TenantObject, TenantObject | None]]:
    """Each object with what is found under its name. One call each; raises what the port raises."""
    for each in wanted:
        yield each, ports.mail_flow.find(type(each), each.name)


def compared(
    ports: Ports, wanted: tuple[TenantObject, ...]
) -> tuple[tuple[Difference, ...], tuple[TenantObject, ...]]:
    """Every difference of the tenant from these objects, and the objects that are there."""
    pairs = tuple(look_at(ports, wanted))
    found = [difference for pair in pairs for difference in differences(*pair)]
    objects = tuple(there for _, there in pairs if there is not None)
    return (*found, *_stale_binding(ports, objects)), objects


def domain_differences(ports: Ports) -> tuple[Difference, ...]:
    """What a preparation has to do for each domain of the plan. One call; where domains may not be read, that is said."""
    names = ports.plan.tenant.domains
    try:
        there = {domain.name: domain for domain in ports.domains.all()}
    except Refusal as no:
        return tuple(
            Difference(Part.DOMAIN, name, "state", "verified, with mail", f"unknown ({no})")
            for name in names
        )
    found = (_domain_difference(name, there.get(name)) for name in names)
    return tuple(each for each in found if each is not None)


def _domain_difference(name: str, domain: TenantDomain | None) -> Difference | None:
    if domain is None:
        return Difference(Part.DOMAIN, name, MISSING, "", "")
    if not domain.is_verified:
        return Difference(Part.DOMAIN, name, "is_verified", "True", "False")
    if EMAIL_SERVICE not in domain.services:
        has = ", ".join(domain.services) or "nothing"
        return Difference(Part.DOMAIN, name, "services", EMAIL_SERVICE, has)
    return None


def is_bound_to(ports: Ports, group: CoexistenceGroup) -> bool:
    """Whether the rule was written for this group, and not for an earlier one of the same address."""
    binding = ports.documents.find(BINDING, Binding)
    return binding is None or not group.guid or binding.group_guid == group.guid


def bind(ports: Ports, group: CoexistenceGroup) -> None:
    """Remember for which group the rule is written."""
    ports.documents.amend(BINDING, Binding, lambda _: Binding(group.guid))


def note_tenant(ports: Ports, effect: str, before: str, after: str, asked_by: str) -> None:
    """Write an effect on the tenant into its journal."""
    entry = JournalEntry(ports.clock.now_utc(), JOURNAL, "", effect, before, after, asked_by)
    ports.journal.note(entry)


class GuardState(StrEnum):
    """What the guard can say of the tenant."""

    NOT_PREPARED = "not_prepared"
    """There is no record to compare with."""
    AS_RECORDED = "as_recorded"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


def guard_state(drift: Drift | None, now_utc: datetime) -> GuardState:
    """As recorded only after a whole answer of late: silence is not agreement. For a tenant that has a record."""
    if drift is not None and drift.findings:
        return GuardState.DIFFERS
    is_silent = drift is None or drift.looked_utc is None or now_utc - drift.looked_utc > SILENT
    if is_silent or (drift is not None and drift.unknown_since_utc):
        return GuardState.UNKNOWN
    return GuardState.AS_RECORDED


def danger_of(ports: Ports) -> str:
    """Why no mailbox may be turned now; empty when nothing is known against it. One read of a row."""
    drift = ports.documents.find(DRIFT, Drift)
    return "" if drift is None else drift.danger


def require_sound_routing(ports: Ports) -> None:
    """Go on only while mail takes the ways that were prepared. Raises NotYet: until somebody has it repaired."""
    danger = danger_of(ports)
    if danger:
        raise NotYet(GUARD_PERIOD_S, f"the tenant is not as it was prepared: {danger}")


def _stale_binding(ports: Ports, objects: tuple[TenantObject, ...]) -> Iterator[Difference]:
    group = next((each for each in objects if isinstance(each, CoexistenceGroup)), None)
    rule = next((each for each in objects if isinstance(each, RoutingRule)), None)
    if group is not None and rule is not None and not is_bound_to(ports, group):
        yield Difference(
            Part.RULE, rule.name, "groups", f"{group.name}, made anew", f"{group.name}, deleted"
        )
