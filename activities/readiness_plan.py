"""Readiness of the plan, and of what was answered before the project."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType

from bascule.domain.errors import BasculeError
from bascule.domain.plan_mail_flow import IntakePlan, Provisioning
from bascule.domain.readiness import Check, failed, green, judged, red, unknown
from bascule.domain.rights import PASSWORD_ROLE
from bascule.ports.bundle import Ports

NOT_ASKED = "the plan does not say"


def plan(ports: Ports) -> Iterator[Check]:
    """Is everything in the plan that the whole migration needs?"""
    said = ports.plan
    missing = {
        "mail_flow.postfix_hosts": said.mail_flow.postfix_hosts,
        "mail_flow.inbound_ips or mail_flow.inbound_certificate": said.mail_flow.has_inbound,
        "tenant.report_mailbox": said.tenant.report_mailbox,
        "notices.migrated_subject": said.notices.migrated_subject,
    }
    problems = [f"{key} is not set" for key, value in missing.items() if not value]
    yield judged("plan", problems, "nothing is missing")


def intake(ports: Ports) -> Iterator[Check]:
    """Each answer of the questionnaire against the tenant, as far as the tenant can be asked."""
    said = ports.plan.intake
    yield from _guarded("intake_domains", _domains, ports)
    yield from _guarded("intake_single_sign_on", _single_sign_on, ports)
    yield from _guarded("intake_passwords", _passwords, ports)
    yield from _guarded("intake_provisioning", _provisioning, ports)
    yield _wished_date(ports, said)
    yield _only_a_person("intake_language", said.language)
    yield _only_a_person("intake_partner", said.partner)


def _guarded(name: str, work: Callable[[Ports], Check], ports: Ports) -> Iterator[Check]:
    try:
        yield work(ports)
    except BasculeError as error:
        yield failed(name, error)


def _domains(ports: Ports) -> Check:
    name, said = "intake_domains", ports.plan.intake.domains
    if not said:
        return unknown(name, NOT_ASKED)
    there = {domain.name for domain in ports.domains.all()}
    problems = [f"{domain} is not in the tenant" for domain in said if domain not in there]
    moving = set(ports.plan.tenant.domains) - set(said)
    problems += [f"{domain} moves and was not answered" for domain in sorted(moving)]
    return judged(name, problems, f"{len(said)} domains are in the tenant")


def _single_sign_on(ports: Ports) -> Check:
    name, wanted = "intake_single_sign_on", ports.plan.intake.single_sign_on
    moving = set(ports.plan.tenant.domains)
    domains = [each for each in ports.domains.all() if each.name in moving]
    if not domains:
        return unknown(name, "no domain of the plan is in the tenant")
    other = [each.name for each in domains if each.is_federated is not wanted]
    if other:
        state = "does not sign in elsewhere" if wanted else "signs in elsewhere"
        return red(name, f"{', '.join(other)} {state}, and the answer was otherwise")
    return green(name, "as answered")


def _passwords(ports: Ports) -> Check:
    name, said = "intake_passwords", ports.plan.intake
    may = PASSWORD_ROLE in ports.surroundings.token_roles().graph
    if may and not said.passwords_resettable:
        return red(name, f"the app holds {PASSWORD_ROLE}, and passwords may not be reset")
    if not may and said.passwords_resettable:
        return green(name, f"they may be reset; that takes {PASSWORD_ROLE}, which is not granted")
    if said.passwords_resettable and not said.passwords_handed_out:
        return red(name, "they may be reset, and nobody said how users get them")
    return green(name, "as answered")


def _provisioning(ports: Ports) -> Check:
    name, said = "intake_provisioning", ports.plan.intake
    creates = ports.plan.accounts.create
    if creates and said.provisioning is not Provisioning.BASCULE:
        return red(name, f"accounts come {said.provisioning}, and accounts.create is true")
    if not creates and said.provisioning is Provisioning.BASCULE:
        return red(name, "Bascule is to create accounts, and accounts.create is false")
    is_answered_so = said.provisioning is Provisioning.SYNCHRONISED
    if ports.directory.is_synchronised() is not is_answered_so:
        is_seen = "is not" if is_answered_so else "is"
        return red(
            name, f"the tenant {is_seen} synchronised, and the answer was {said.provisioning}"
        )
    return green(name, f"accounts: {said.provisioning}, as the tenant shows")


def _wished_date(ports: Ports, said: IntakePlan) -> Check:
    name = "intake_wished_date"
    if not said.wished_date:
        return unknown(name, NOT_ASKED)
    left = (date.fromisoformat(said.wished_date) - ports.clock.now_utc().date()).days
    return judged(name, [f"{-left} days ago"] if left < 0 else [], f"in {left} days")


def _only_a_person(name: str, said: str) -> Check:
    return unknown(name, f"{said}; the tenant cannot be asked" if said else NOT_ASKED)


PLAN_CHECKS: Mapping[str, Callable[[Ports], Iterable[Check]]] = MappingProxyType(
    {"plan": plan, "intake": intake}
)
