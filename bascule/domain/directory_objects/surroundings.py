"""What the files are checked against beside each other."""

from dataclasses import dataclass

from bascule.domain.directory_objects.found import MAILBOXES, MEMBERS, Kind, Roll


@dataclass(frozen=True)
class Surroundings:
    """The tenant as it is, the mailboxes that are on their way, and the plan."""

    domains: frozenset[str]
    """Where groups and shared mailboxes may have their addresses."""
    coexistence_group: str
    """Belongs to the migration: no file may touch it."""
    coming: frozenset[str] = frozenset()
    """Addresses of all batches that are not abandoned: mailboxes, now or later."""
    roll: Roll | None = None
    """The tenant's recipients; None: not asked, and nothing is said about them."""

    def kind_of(self, address: str) -> Kind | None:
        """What stands behind an address in the tenant; None when nothing does, or nobody asked."""
        found = self.roll.at(address) if self.roll else None
        return found.kind if found else None

    def is_mailbox(self, address: str) -> bool:
        """Whether a mailbox of the tenant has this address, or will."""
        return address in self.coming or self.kind_of(address) in MAILBOXES

    def may_be_member(self, address: str) -> bool:
        """Whether a recipient that can be in a group has this address, or will."""
        return address in self.coming or self.kind_of(address) in MEMBERS
