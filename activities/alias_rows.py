"""What steps ask of the alias map besides the address's own row: does another one lead straight to the mailbox's home?"""

from bascule.domain.addresses import normal_address
from bascule.domain.codes import Offence
from bascule.domain.errors import NotYet
from bascule.domain.records import MailboxRecord
from bascule.domain.routes import AliasRow
from bascule.ports.bundle import Ports

# Somebody mends one row in a minute, and the mailbox is out of the group meanwhile.
BYPASS_LOOK_S = 300.0
NAMED_COUNT_MAX = 3


def bypasses_of(ports: Ports, record: MailboxRecord) -> tuple[AliasRow, ...]:
    """The rows that would go past the turned alias; none while the address's own row does not lead home.

    Turned already, there is nothing left to decide; and a row that somebody has moved is refused by its own code.
    """
    home = record.route_home or ports.plan.alias_map.home_of(record.address)
    rows = ports.alias_map.bypasses(record.address, home)
    if not rows:
        return ()
    own = ports.alias_map.route(record.address).destinations
    return rows if [normal_address(each) for each in own] == [normal_address(home)] else ()


def require_only_way(ports: Ports, record: MailboxRecord) -> None:
    """Go on only if the address's own row is the only way home, or the operator has waived the others.

    Raises:
        NotYet: until the rows are mended.
    """
    if Offence.ALIAS_BYPASSED in {*record.waived, *ports.plan.survey.waived}:
        return
    rows = bypasses_of(ports, record)
    if rows:
        raise NotYet(BYPASS_LOOK_S, f"other alias rows lead straight home: {named(rows)}")


def named(rows: tuple[AliasRow, ...]) -> str:
    """The first rows by their addresses, and how many more there are; empty for none."""
    addresses = list(dict.fromkeys(row.source for row in rows))
    others_count = len(addresses) - NAMED_COUNT_MAX
    others = f" and {others_count} more" if others_count > 0 else ""
    return f"{', '.join(addresses[:NAMED_COUNT_MAX])}{others}"
