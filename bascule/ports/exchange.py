"""Exchange Online: coexistence group, recipients and the IMAP migration."""

from typing import Protocol

from bascule.domain.sync import CloudMailbox, SkippedItem, SyncBatch, SyncUser


class Exchange(Protocol):
    """The admin side of Exchange Online; group and endpoint are those of the plan.

    Every method may raise Unreachable, Throttled and Refusal(PERMISSION_MISSING | REQUEST_REJECTED). A list is whole
    or an error, never cut short. Nothing is sent twice unless it may be repeated; after Unreachable on a write the
    caller reads back first.
    """

    def find_mailbox(self, address: str) -> CloudMailbox | None:
        """The mailbox with this address; None while there is none."""
        ...

    def correct_addresses(
        self, address: str, *, primary: str = "", added: tuple[str, ...] = ()
    ) -> None:
        """Give the mailbox known by `address` further addresses, and another primary one; nothing is taken away.

        The same twice is once. What Exchange shows afterwards says whether it was done.

        Raises:
            Refusal(ADDRESS_TAKEN): somebody else has one of them.
            Refusal(ADDRESS_MISMATCH): Exchange does not let them be changed here, as when another directory is master.
        """
        ...

    def coexistence_members(self) -> frozenset[str]:
        """Primary addresses, lower case, of all members of the coexistence group as written.

        Raises:
            Refusal(GROUP_MISSING): the group is not there, and the rule that names it does nothing.
        """
        ...

    def join_coexistence(self, address: str) -> None:
        """Make the mailbox a member; already a member is success.

        Raises:
            Refusal(GROUP_MISSING): there is no group.
            NotYet: the server that keeps the group does not know the mailbox yet.
        """
        ...

    def leave_coexistence(self, address: str) -> None:
        """Take the mailbox out; not a member is success. Raises Refusal(GROUP_MISSING)."""
        ...

    def find_sync_batch(self, name: str) -> SyncBatch | None:
        """The migration batch of that name; None when there is none."""
        ...

    def create_sync_batch(self, name: str, csv: bytes) -> None:
        """Create a migration batch on the plan's endpoint from Exchange's CSV, and start it.

        Raises:
            Refusal(ENDPOINT_MISSING | SYNC_IN_OTHER_BATCH | REQUEST_REJECTED): as Exchange says, without the CSV.
            Conflict: a batch of that name exists.
        """
        ...

    def start_sync_batch(self, name: str) -> None:
        """Start a batch, or resume its stopped and failed users."""
        ...

    def sync_now(self, name: str) -> None:
        """Ask for a delta of every synced user of the batch."""
        ...

    def remove_sync_batch(self, name: str) -> None:
        """Remove the batch; copied mail stays. Gone already is success."""
        ...

    def sync_users(self, name: str) -> tuple[SyncUser, ...]:
        """Every user of a batch, all pages."""
        ...

    def find_sync_user(self, address: str) -> SyncUser | None:
        """The user of this address, in whichever batch it is; None when it is in none."""
        ...

    def remove_sync_user(self, address: str) -> None:
        """Take one user out of the batch that has it, whosever that is; copied mail stays. Gone already is success."""
        ...

    def skipped_items(self, address: str) -> tuple[SkippedItem, ...]:
        """What the migration did not copy for a user, with reasons, without subjects."""
        ...
