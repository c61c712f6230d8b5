"""Make the tenant the only place that takes mail for the plan's domains."""

from activities.completion_gate import advance, completion_of, note_deed, note_once, pass_gate
from activities.watch_dns import shown_everywhere
from bascule.domain.codes import Code
from bascule.domain.completion import REVERSIBLE, CompletionRef, Phase, Word
from bascule.domain.dns_findings import SpfAim
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.tenant import AUTHORITATIVE, AcceptedDomain
from bascule.domain.tenant_records import DRIFT, RECORD
from bascule.ports.bundle import Ports

# Exchange's servers learn of a changed domain within minutes.
READ_BACK_WAIT_S = 60.0
# Somebody's zone is behind again; it was right a look ago.
ZONE_WAIT_S = 300.0


def turn_authoritative(ports: Ports, ref: CompletionRef) -> bool:
    """Repeatable; looks at mailboxes and at public DNS right before.

    Raises:
        Refusal(MAILBOXES_UNPROVEN): somebody's mail would be refused at the tenant's door; or it was stopped meanwhile.
        NotYet: public DNS does not show the tenant everywhere, or the change is not to be read back yet.
    """
    del ref
    record = completion_of(ports)
    is_first = record is not None and record.phase in (Phase.READY, Phase.TURNING)
    if is_first and not shown_everywhere(ports, SpfAim.BOTH):
        raise NotYet(ZONE_WAIT_S, "public DNS does not show the tenant's records everywhere")
    pass_gate(ports, Word.AUTHORITATIVE)
    _pass_the_point_of_no_return(ports)
    _dismiss_the_guard(ports)
    for domain in ports.plan.tenant.domains:
        _turn(ports, domain)
    advance(ports, Phase.TURNING, Phase.ROUTING)
    return True


def _pass_the_point_of_no_return(ports: Ports) -> None:
    """Written down before anything is touched: a word `stop` comes before it and wins, or after it and is refused."""
    record = advance(ports, Phase.READY, Phase.TURNING)
    if record.phase in REVERSIBLE:
        raise Refusal(Code.MAILBOXES_UNPROVEN, f"the completion is at {record.phase} again")


def _dismiss_the_guard(ports: Ports) -> None:
    """What was prepared is about to go: without its record nobody is alarmed, and nothing is repaired."""
    for name in (RECORD, DRIFT):
        ports.documents.remove(name)


def _turn(ports: Ports, domain: str) -> None:
    wanted, what = AcceptedDomain(domain, AUTHORITATIVE), f"domain {domain}"
    found = ports.mail_flow.find(AcceptedDomain, domain)
    if found == wanted:
        note_once(ports, what, "not seen", wanted.kind, Word.AUTHORITATIVE)
        return
    if found is None:
        raise NotYet(READ_BACK_WAIT_S, f"Exchange does not show the domain {domain}")
    ports.mail_flow.correct(wanted, found)
    if ports.mail_flow.find(AcceptedDomain, domain) != wanted:
        raise NotYet(READ_BACK_WAIT_S, f"{domain} is not seen as {AUTHORITATIVE} yet")
    note_deed(ports, what, found.kind, wanted.kind, Word.AUTHORITATIVE)
