"""See which other alias rows lead straight to a mailbox's home."""

from activities.alias_rows import bypasses_of, named
from activities.subject import record_of
from bascule.domain.records import MailboxRef
from bascule.domain.requests import BypassFacts
from bascule.ports.bundle import Ports


def find_bypasses(ports: Ports, ref: MailboxRef) -> BypassFacts:
    """How many there are at this moment, waived or not, and the first by name."""
    rows = bypasses_of(ports, record_of(ports, ref))
    return BypassFacts(len(rows), named(rows))
