"""Where one address delivers now, and turning it."""

from dataclasses import dataclass


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
