"""Bring one part of the tenant into the state that the plan wants: find, compare, create or correct, read back."""

from activities.tenant_deeds import doing, drop_deed, settle_deed
from activities.tenant_parts import bind, is_bound_to, planned_objects
from bascule.domain.codes import Code
from bascule.domain.dns_records import DnsKind
from bascule.domain.errors import InvariantBroken, NotYet, Refusal
from bascule.domain.tenant import (
    CoexistenceGroup,
    MigrationEndpoint,
    Part,
    RoutingRule,
    TenantObject,
    differences,
    part_of,
)
from bascule.domain.tenant_domains import EMAIL_SERVICE, RecordKind
from bascule.domain.tenant_records import Deed, PartFacts, PartRef
from bascule.ports.bundle import Ports

# A write is seen by the next reader seconds to minutes later.
READ_BACK_WAIT_S = 30.0
# People publish DNS records by hand, and resolvers remember for minutes what was not there.
DNS_LOOK_S = 900.0


def prepare_part(ports: Ports, ref: PartRef) -> PartFacts:
    """Whether anything had to be written; repeated, nothing is.

    Raises:
        NotYet: written and not yet read back; a domain whose proof is not in public DNS, with the record to publish.
        Refusal(SOURCE_UNREACHABLE): Exchange cannot reach Dovecot as the plan describes it.
    """
    if ref.part is Part.DOMAIN:
        return PartFacts(_prepare_domain(ports, ref.name))
    wanted = _planned(ports, ref)
    if isinstance(wanted, MigrationEndpoint):
        _require_reachable(ports, wanted)
    if isinstance(wanted, RoutingRule):
        return PartFacts(_prepare_rule(ports, wanted))
    return PartFacts(_prepare_object(ports, wanted))


def _planned(ports: Ports, ref: PartRef) -> TenantObject:
    for each in planned_objects(ports):
        if (part_of(each), each.name) == (ref.part, ref.name):
            return each
    raise InvariantBroken(f"the plan has no {ref.part} {ref.name} any more")


def _prepare_object(ports: Ports, wanted: TenantObject) -> bool:
    found = ports.mail_flow.find(type(wanted), wanted.name)
    # Of an earlier attempt whose answer was lost.
    is_created = found is not None and settle_deed(ports, _key("create", wanted))
    if found is not None and not differences(wanted, found):
        return settle_deed(ports, _key("correct", wanted)) or is_created
    if found is None:
        with doing(ports, _deed("create", wanted, "missing", "created")):
            ports.mail_flow.create(wanted)
        # Some settings cannot be given at the creation.
        found = _read_back(ports, wanted)
        settle_deed(ports, _key("create", wanted))
    _correct(ports, wanted, found)
    left = differences(wanted, _read_back(ports, wanted))
    if left:
        raise NotYet(READ_BACK_WAIT_S, f"written, and not read back yet: {left[0]}")
    settle_deed(ports, _key("correct", wanted))
    return True


def _correct(ports: Ports, wanted: TenantObject, found: TenantObject) -> None:
    there = differences(wanted, found)
    if there:
        before = "; ".join(f"{each.setting} {each.found}" for each in there)
        after = "; ".join(f"{each.setting} {each.wanted}" for each in there)
        with doing(ports, _deed("correct", wanted, before, after)):
            ports.mail_flow.correct(wanted, found)


def _read_back(ports: Ports, wanted: TenantObject) -> TenantObject:
    found = ports.mail_flow.find(type(wanted), wanted.name)
    if found is None:
        raise NotYet(READ_BACK_WAIT_S, f"{part_of(wanted)} {wanted.name} is not to be seen yet")
    return found


def _prepare_rule(ports: Ports, wanted: RoutingRule) -> bool:
    """The rule, written anew when it still knows a group that was deleted: correcting it would not change that."""
    address = ports.plan.tenant.coexistence_group
    group = ports.mail_flow.find(CoexistenceGroup, address)
    if group is None:
        raise NotYet(READ_BACK_WAIT_S, f"the group {address} is not to be seen yet")
    if not is_bound_to(ports, group):
        _remove_stale(ports, wanted)
    # Before it is written: whatever rule is made from here on is made for this group.
    bind(ports, group)
    return _prepare_object(ports, wanted)


def _remove_stale(ports: Ports, rule: RoutingRule) -> None:
    """Return once the rule is seen to be gone: a reader that lags would show the old one as if it were the new."""
    if ports.mail_flow.find(RoutingRule, rule.name) is None:
        settle_deed(ports, _key("remove", rule))
        return
    with doing(ports, _deed("remove", rule, "for a deleted group", "removed")):
        ports.mail_flow.remove(RoutingRule, rule.name)
    raise NotYet(
        READ_BACK_WAIT_S, f"the rule {rule.name} is to be seen gone before it is made anew"
    )


def _require_reachable(ports: Ports, endpoint: MigrationEndpoint) -> None:
    reason = ports.mail_flow.test_endpoint(endpoint)
    if reason:
        raise Refusal(
            Code.SOURCE_UNREACHABLE,
            f"Exchange cannot reach {endpoint.host}:{endpoint.port}: {reason}",
        )


def _prepare_domain(ports: Ports, name: str) -> bool:
    domain = ports.domains.find(name)
    if domain is None:
        with doing(ports, _of_domain("add", name, "missing", "added")):
            domain = ports.domains.add(name)
    is_changed = settle_deed(ports, f"add {name}")
    if not domain.is_verified:
        _prove_domain(ports, name)
    is_changed |= settle_deed(ports, f"prove {name}")
    if EMAIL_SERVICE not in domain.services:
        with doing(ports, _of_domain("serve", name, "no mail", "mail")):
            ports.domains.set_services(name, (*domain.services, EMAIL_SERVICE))
        _require_mail(ports, name)
    return settle_deed(ports, f"serve {name}") or is_changed


def _require_mail(ports: Ports, name: str) -> None:
    domain = ports.domains.find(name)
    if domain is None or EMAIL_SERVICE not in domain.services:
        raise NotYet(READ_BACK_WAIT_S, f"domain {name}: mail was set, and is not read back yet")


def _prove_domain(ports: Ports, name: str) -> None:
    with doing(ports, _of_domain("prove", name, "not verified", "verified")):
        is_proved = ports.domains.verify(name)
    if is_proved:
        return
    drop_deed(ports, f"prove {name}")
    records = ports.domains.verification_records(name)
    proof = next((each for each in records if each.kind is RecordKind.TXT), None)
    if proof is None:
        raise NotYet(DNS_LOOK_S, f"{name} is not proved; publish the record that the portal shows")
    if proof.value in _published(ports, proof.name):
        raise NotYet(DNS_LOOK_S, f"public DNS proves {name}; Microsoft 365 does not see it yet")
    shown = f'{proof.name}. TXT "{proof.value}"'
    raise NotYet(DNS_LOOK_S, f"public DNS does not prove {name} yet; publish {shown}")


def _published(ports: Ports, name: str) -> tuple[str, ...]:
    resolver = ports.public_dns.resolvers()[0]
    return ports.public_dns.look_up(name, DnsKind.TXT, resolver).values


def _key(verb: str, wanted: TenantObject) -> str:
    return f"{verb} {part_of(wanted)} {wanted.name}"


def _deed(verb: str, wanted: TenantObject, before: str, after: str) -> Deed:
    return Deed(_key(verb, wanted), f"{part_of(wanted)} {wanted.name}", before, after)


def _of_domain(verb: str, name: str, before: str, after: str) -> Deed:
    return Deed(f"{verb} {name}", f"domain {name}", before, after)
