"""Taking down objects of the mail flow: find, remove, see that it is gone, write it down."""

from activities.completion_gate import note_deed, note_once
from bascule.domain.completion import Word
from bascule.domain.errors import NotYet
from bascule.domain.tenant import PARTS, TenantObject
from bascule.ports.bundle import Ports

# A removed object is seen for a while by servers that have not heard of it.
GONE_WAIT_S = 60.0


def take_down(ports: Ports, kind: type[TenantObject], name: str, word: Word) -> None:
    """Remove one object; gone already is success. Raises NotYet while it is still to be seen."""
    what = f"{PARTS[kind]} {name}"
    if ports.mail_flow.find(kind, name) is None:
        note_once(ports, what, "not seen", "gone", word)
        return
    ports.mail_flow.remove(kind, name)
    if ports.mail_flow.find(kind, name) is not None:
        raise NotYet(GONE_WAIT_S, f"{what} is still seen")
    note_deed(ports, what, "there", "removed", word)
