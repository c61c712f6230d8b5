"""What is being done to the tenant, written down before it is done, so that a lost answer loses no line of the journal."""

from collections.abc import Iterator
from contextlib import contextmanager

from activities.tenant_parts import note_tenant
from bascule.domain.errors import BasculeError, Unreachable
from bascule.domain.tenant_records import DEEDS, PREPARATION, Deed, Deeds, Preparation
from bascule.ports.bundle import Ports


@contextmanager
def doing(ports: Ports, deed: Deed) -> Iterator[None]:
    """Around the effect: it may happen although no answer comes, or although nobody is left to hear it."""
    ports.documents.amend(DEEDS, Deeds, lambda stored: (stored or Deeds()).with_deed(deed))
    try:
        yield
    except Unreachable:
        raise
    except BasculeError:
        drop_deed(ports, deed.key)
        raise


def settle_deed(ports: Ports, key: str) -> bool:
    """After the effect was seen: journal what was begun; whether anything was. A crash in here journals it twice."""
    begun = ports.documents.find(DEEDS, Deeds) or Deeds()
    deed = begun.find(key)
    if deed is None:
        return False
    asked = ports.documents.find(PREPARATION, Preparation)
    note_tenant(ports, deed.effect, deed.before, deed.after, asked.asked_by if asked else "")
    drop_deed(ports, key)
    return True


def drop_deed(ports: Ports, key: str) -> None:
    """It has not happened, and will not by itself."""
    ports.documents.amend(DEEDS, Deeds, lambda stored: (stored or Deeds()).without(key))
