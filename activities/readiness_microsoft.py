"""Readiness of the Microsoft 365 side: rights, domains, what was prepared, seats, time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from activities.directory_store import find_head
from activities.readiness_retention import retention
from activities.tenant_parts import GuardState, compared, guard_state, planned_objects
from bascule.domain.directory import Sku, mailbox_plans
from bascule.domain.errors import Refusal
from bascule.domain.readiness import Check, green, judged, red, unknown
from bascule.domain.rights import (
    DOMAIN_ROLE,
    EXCHANGE_ROLE,
    GRAPH_ROLES,
    GUARD_CMDLETS,
    MAIL_ROLES,
    MEMBERS_ROLE,
    MIGRATION_CMDLETS,
    OBJECT_CMDLETS,
    TENANT_CMDLETS,
)
from bascule.domain.tenant import AcceptedDomain, MigrationEndpoint, wanted_objects
from bascule.domain.tenant_domains import EMAIL_SERVICE
from bascule.domain.tenant_records import DRIFT, RECORD, Drift, TenantRecord
from bascule.ports.bundle import Ports

# The identity platform refuses tokens from clocks that are five minutes off; what we compare are instants of minutes.
SKEW_MAX_S = 60.0
SHOWN_MAX = 5
# Looked for and never sent: whoever may look for it may read the mailbox.
NO_SUBJECT = "Bascule: may the app read this mailbox?"


def token_roles(ports: Ports) -> Iterator[Check]:
    """Does the app hold what it needs, as its own tokens say?"""
    held = ports.surroundings.token_roles()
    missing = sorted(GRAPH_ROLES - held.graph)
    if EXCHANGE_ROLE not in held.exchange:
        missing.append(EXCHANGE_ROLE)
    yield judged(
        "token_roles", [f"{role} is missing" for role in missing], "every permission is there"
    )
    problems = [] if DOMAIN_ROLE in held.graph else [f"{DOMAIN_ROLE} is missing"]
    yield _for_the_tenant(ports, "token_roles_tenant", problems, "domains can be added and proved")
    problems = [] if MEMBERS_ROLE in held.graph else [f"{MEMBERS_ROLE} is missing"]
    yield _for_objects(ports, "token_roles_objects", problems, "members of groups can be read")


def mail_roles(ports: Ports) -> Iterator[Check]:
    """May the app read, write and send mail?

    What Exchange grants by itself, confined to some mailboxes, stands in no token (Microsoft Learn, "Role Based Access Control
    for Applications in Exchange Online"); one mailbox that is surely among them is looked into instead. Nobody sends to find out.
    """
    name = "token_roles_mail"
    missing = sorted(MAIL_ROLES - ports.surroundings.token_roles().graph)
    if not missing:
        yield green(name, "mail of every mailbox in the tenant")
        return
    lack = f"no token carries {' or '.join(missing)}"
    sender = ports.plan.tenant.probe_sender
    try:
        ports.cloud_mail.find_by_subject(sender, NO_SUBJECT)
    except Refusal as no:
        yield red(name, f"{lack}, and {sender} may not be read: {no}")
        return
    yield unknown(
        name,
        f"{lack}; {sender} may be read, so Exchange may have granted them itself, and does not say for which mailboxes",
    )


def cmdlets(ports: Ports) -> Iterator[Check]:
    """May the app run each cmdlet it uses?"""
    permitted = ports.surroundings.permitted_cmdlets()
    for name, used in (("cmdlets", MIGRATION_CMDLETS), ("cmdlets_guard", GUARD_CMDLETS)):
        yield judged(name, _forbidden(used, permitted), f"{len(used)} cmdlets")
    forbidden = _forbidden(TENANT_CMDLETS, permitted)
    yield _for_the_tenant(ports, "cmdlets_tenant", forbidden, f"{len(TENANT_CMDLETS)} cmdlets")
    forbidden = _forbidden(OBJECT_CMDLETS, permitted)
    yield _for_objects(ports, "cmdlets_objects", forbidden, f"{len(OBJECT_CMDLETS)} cmdlets")
    yield unknown(
        "cmdlet_parameters",
        "Exchange lists cmdlets and not their parameters; a missing one is told by the first step that uses it",
    )


def _forbidden(used: frozenset[str], permitted: frozenset[str]) -> list[str]:
    return [f"{each} is not permitted" for each in sorted(used) if each.lower() not in permitted]


def _for_the_tenant(ports: Ports, name: str, problems: list[str], fine: str) -> Check:
    """What only preparation, repair and completion need: no fault where an administrator did the first by hand."""
    if problems and _is_recorded(ports):
        return green(name, f"not now, as it need not be before a repair: {problems[0]}")
    return judged(name, problems, fine)


def _for_objects(ports: Ports, name: str, problems: list[str], fine: str) -> Check:
    """What only directory objects from files need: no fault where nobody has uploaded any."""
    if problems and find_head(ports) is None:
        return green(name, f"not now, as no directory files were uploaded: {problems[0]}")
    return judged(name, problems, fine)


def _is_recorded(ports: Ports) -> bool:
    return ports.documents.find(RECORD, TenantRecord) is not None


def domains(ports: Ports) -> Iterator[Check]:
    """Is every domain of the plan proved, and set up for mail?"""
    there = {domain.name: domain for domain in ports.domains.all()}
    problems: list[str] = []
    for name in ports.plan.tenant.domains:
        domain = there.get(name)
        if domain is None:
            problems.append(f"{name} is not in the tenant")
        elif not domain.is_verified:
            problems.append(f"{name} is not verified")
        elif EMAIL_SERVICE not in domain.services:
            problems.append(f"{name} is not set up for mail")
    yield judged("domains", problems, "verified and set up for mail")


def accepted_domains(ports: Ports) -> Iterator[Check]:
    """Does Exchange relay what it does not know?"""
    wanted = tuple(each for each in wanted_objects(ports.plan) if isinstance(each, AcceptedDomain))
    found, _ = compared(ports, wanted)
    yield judged("accepted_domains", [str(each) for each in found], "InternalRelay")


def prepared(ports: Ports) -> Iterator[Check]:
    """Is everything there that routes mail, as the plan wants it?"""
    found, _ = compared(ports, planned_objects(ports))
    shown = [str(each) for each in found[:SHOWN_MAX]]
    if len(found) > SHOWN_MAX:
        shown.append(f"and {len(found) - SHOWN_MAX} more")
    yield judged("prepared", shown, "as the plan wants it")


def guard(ports: Ports) -> Iterator[Check]:
    """Is the tenant watched, and still as recorded?"""
    if not _is_recorded(ports):
        yield red("guard", "there is no record: the tenant was neither prepared nor adopted")
        return
    drift = ports.documents.find(DRIFT, Drift) or Drift()
    match guard_state(drift, ports.clock.now_utc()):
        case GuardState.DIFFERS:
            yield red("guard", "; ".join(str(f.difference) for f in drift.findings[:SHOWN_MAX]))
        case GuardState.UNKNOWN:
            yield unknown("guard", drift.unknown_why or "the guard has not looked of late")
        case _:
            yield green("guard", "as recorded")


def endpoint(ports: Ports) -> Iterator[Check]:
    """Can Exchange reach Dovecot as the plan describes it?"""
    for each in wanted_objects(ports.plan):
        if isinstance(each, MigrationEndpoint):
            reason = ports.mail_flow.test_endpoint(each)
            where = f"{each.host}:{each.port}"
            yield judged("endpoint", [f"{where}: {reason}"] if reason else [], f"{where} answers")


def mailboxes(ports: Ports) -> Iterator[Check]:
    """Are the mailboxes there that send probes and take reports?"""
    tenant = ports.plan.tenant
    wanted = sorted({tenant.probe_sender, tenant.report_mailbox} - {""})
    missing = [each for each in wanted if ports.exchange.find_mailbox(each) is None]
    yield judged("mailboxes", [f"{each} is missing" for each in missing], ", ".join(wanted))


def seats(ports: Ports) -> Iterator[Check]:
    """Has each cohort a licence with a mailbox in it, and how many are free?"""
    stock = {sku.part_number.upper(): sku for sku in ports.directory.licence_stock()}
    problems: list[str] = []
    told: list[str] = []
    for name, cohort in ports.plan.cohorts.items():
        sku = stock.get(cohort.licence.upper())
        problem = _lack_of(sku)
        if problem or sku is None:
            problems.append(f"{name}: {cohort.licence} {problem}")
        else:
            told.append(f"{name}: {sku.free_count} of {sku.enabled_count} free")
    yield judged("seats", problems, "; ".join(told))


def time(ports: Ports) -> Iterator[Check]:
    """Is this machine's clock right?"""
    skew_s = ports.surroundings.clock_skew_s()
    told = f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the service"
    yield judged("time", [told] if abs(skew_s) > SKEW_MAX_S else [], told)


def _lack_of(sku: Sku | None) -> str:
    if sku is None:
        return "is no licence of the tenant"
    if not mailbox_plans(sku):
        return "opens no mailbox"
    return "" if sku.free_count else "has no free seat"


MICROSOFT_CHECKS: Mapping[str, Callable[[Ports], Iterable[Check]]] = MappingProxyType(
    {
        "token_roles": token_roles,
        "token_roles_mail": mail_roles,
        "cmdlets": cmdlets,
        "domains": domains,
        "accepted_domains": accepted_domains,
        "prepared": prepared,
        "guard": guard,
        "endpoint": endpoint,
        "mailboxes": mailboxes,
        "seats": seats,
        "retention": retention,
        "time": time,
    }
)
