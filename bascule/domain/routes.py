"""Where one address delivers now, turning it, and what would go past the turn.

A row's value may name several destinations, separated by commas or blanks, and several rows may share an address;
Postfix delivers to all of them, and asks the map again for each. Source: virtual(5), section "TABLE FORMAT"; sql
lookups return all rows: mysql_table(5).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bascule.domain.addresses import domain_of, local_part, normal_address

# Whoever mends these is shown the next ones; a survey is for a person to read.
BYPASS_COUNT_MAX = 100

_SEPARATOR = re.compile(r"[,\s]+")
# As Debian's Postfix and Dovecot have it. Source: postconf(5), recipient_delimiter.
_EXTENSION = "+"


@dataclass(frozen=True)
class AliasRow:
    """One row as it stands in the table, spelled as there."""

    source: str
    destination: str

    @property
    def destinations(self) -> tuple[str, ...]:
        """Everything that the row names, in its order."""
        return tuple(each for each in _SEPARATOR.split(self.destination) if each)


@dataclass(frozen=True)
class Route:
    """Every destination of an address in the alias map, in the table's order.

    `catch_all` holds the destinations of the domain's own row (`@example.org`); Postfix asks it only when the address
    has no row. Source: virtual(5).
    """

    address: str
    destinations: tuple[str, ...]
    catch_all: tuple[str, ...] = ()


@dataclass(frozen=True)
class RouteSwitch:
    """Replace the destination `before` of an address by `after`; both ends are held, so the way back is known."""

    address: str
    before: str
    after: str

    def reversed(self) -> "RouteSwitch":
        """The way back."""
        return RouteSwitch(self.address, self.after, self.before)


def bypasses(rows: Iterable[AliasRow], address: str, home: str) -> tuple[AliasRow, ...]:
    """Those of the rows by which mail reaches `home` without asking for `address`; at most BYPASS_COUNT_MAX, sorted.

    Turning the address does not turn them: they go on filling the mailbox at `home`. Rows of the address itself are
    turned or named otherwise; a row of `home` only says that mail for it stays there, as a catch-all makes necessary.
    """
    found = {row for row in rows if _goes_past(row, normal_address(address), normal_address(home))}
    return tuple(sorted(found, key=lambda row: (row.source, row.destination)))[:BYPASS_COUNT_MAX]


def _goes_past(row: AliasRow, address: str, home: str) -> bool:
    source = normal_address(row.source)
    if source in {address, home}:
        return False
    destinations = [normal_address(each) for each in row.destinations]
    if home in map(_without_extension, destinations) or home in destinations:
        return True
    # `@ca.example.org` keeps the local part of whoever is written to; at the first place only.
    if destinations[:1] != [f"@{domain_of(home)}"]:
        return False
    written_to = f"{local_part(home)}{source}" if source.startswith("@") else source
    return local_part(written_to) == local_part(home) and written_to not in {address, home}


def _without_extension(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return f"{local.partition(_EXTENSION)[0]}{at}{domain}"
