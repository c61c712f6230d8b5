"""Page through the mailboxes of a batch."""

from bascule.domain.requests import KeyPage, KeyPageRequest
from bascule.ports.bundle import Ports


def list_keys(ports: Ports, request: KeyPageRequest) -> KeyPage:
    """At most `count_max` keys behind `after`, in order."""
    keys = ports.ledger.mailbox_keys(request.name, request.after, request.count_max)
    is_last = len(keys) < request.count_max
    return KeyPage(keys, "" if is_last else keys[-1])
