"""The migration service of the tenant: what an administrator may ask of it, and what it answers.

The copying itself, and what time does to batches and users, is `migration_engine`.

Source: Microsoft Learn, "Manage migration batches in Exchange Online", "New-MigrationBatch", "Set-MigrationBatch",
"Start-MigrationBatch", "Remove-MigrationBatch", "Set-MigrationUser".
"""

from collections import Counter
from dataclasses import dataclass

from sandbox.world.exchange_refusals import (
    AlreadyExists,
    BatchBusy,
    BatchMissing,
    InvalidArgument,
    MigrationRefused,
    MigrationUserMissing,
)
from sandbox.world.kernel import Kernel
from sandbox.world.migration_books import MigrationBooks
from sandbox.world.migration_copy import SourceReader
from sandbox.world.migration_csv import MigrationRow, read_rows
from sandbox.world.migration_endpoints import MigrationEndpoints
from sandbox.world.migration_engine import MigrationEngine
from sandbox.world.migration_states import (
    HALTED,
    SEEDED,
    BatchOptions,
    BatchStatus,
    MigrationBatch,
    MigrationUser,
    Progress,
    UserStatus,
    batch_status,
)
from sandbox.world.recipients import Recipients
from sandbox.world.replication import new_guid

NAME_LENGTH_MAX = 64

# States in which a batch takes no command.
_DEAF = frozenset({BatchStatus.STOPPING, BatchStatus.REMOVING})


@dataclass
class MigrationService:
    """Endpoints, batches and users, as the cmdlets reach them."""

    engine: MigrationEngine
    endpoints: MigrationEndpoints

    def __post_init__(self) -> None:
        self.books = self.engine.books

    @classmethod
    def of(cls, recipients: Recipients, source: SourceReader) -> "MigrationService":
        """The service of a tenant, copying from one source server."""
        books = MigrationBooks(recipients.kernel, recipients.weather, recipients)
        engine = MigrationEngine(books, source)
        return cls(engine, MigrationEndpoints(engine))

    @property
    def kernel(self) -> Kernel:
        """The world's clock and chance."""
        return self.engine.kernel

    # -- batches ------------------------------------------------------------------------------

    def create_batch(
        self,
        name: str,
        endpoint: str,
        csv: bytes,
        *,
        options: BatchOptions | None = None,
        allow_unknown_columns: bool = False,
    ) -> MigrationBatch:
        """Define a batch; it does nothing until it is started.

        A row whose mailbox another batch holds is left out, with a warning on the batch; a batch of such rows only
        is refused, and so is one with any such row when the weather says so.

        Raises:
            InvalidArgument: the name is empty or too long.
            AlreadyExists: a batch of that name exists.
            NotFound: the endpoint does not exist.
            CsvRefused: the rows cannot be read.
            MigrationRefused: other batches hold its mailboxes.
        """
        with self.kernel.look():
            if not 0 < len(name) <= NAME_LENGTH_MAX:
                raise InvalidArgument(f"The name must have 1 to {NAME_LENGTH_MAX} characters.")
            if any(batch.answers_to(name) for batch in self.books.batches.values()):
                raise AlreadyExists(f'The migration batch "{name}" already exists.')
            rows = read_rows(csv, allow_unknown_columns=allow_unknown_columns)
            now_utc = self.kernel.now_utc()
            self._check_held(rows)
            batch = MigrationBatch(
                new_guid(self.kernel),
                name,
                self.endpoints.require(endpoint).name,
                now_utc,
                options or BatchOptions(),
                touched_utc=now_utc,
            )
            self.engine.adopt(batch)
            self._add_rows(batch, rows)
            return batch

    def add_users(self, identity: str, csv: bytes, *, allow_unknown_columns: bool = False) -> None:
        """Add rows to a batch; rows it has already are passed over, new ones start if the batch runs.

        Raises:
            NotFound, BatchBusy, CsvRefused: as their names say.
        """
        with self.kernel.look():
            batch = self._listening(identity)
            rows = read_rows(csv, allow_unknown_columns=allow_unknown_columns)
            self.engine.touch(batch)
            known = {user.address for user in self.books.users_of(batch)}
            added = self._add_rows(batch, [row for row in rows if row.address not in known])
            if batch.started_utc is not None and batch.own_status is None:
                for user in added:
                    self.engine.start_user(user)

    def _check_held(self, rows: list[MigrationRow]) -> None:
        held = [warning for row in rows if (warning := self._held(row))]
        is_strict = self.engine.weather.batches_refused_for_held_mailboxes
        if held and (is_strict or len(held) == len(rows)):
            raise MigrationRefused(held[0])

    def _add_rows(self, batch: MigrationBatch, rows: list[MigrationRow]) -> list[MigrationUser]:
        added = []
        for row in rows:
            warning = self._held(row)
            if warning is None:
                added.append(self.books.enrol(batch, row))
            else:
                batch.warnings.append(warning)
        return added

    def _held(self, row: MigrationRow) -> str | None:
        holder = self.books.holder_of(row.address)
        if holder is None:
            return None
        other = self.books.batches[holder.batch_guid].name
        return (
            f'The user "{row.address}" is already included in migration batch "{other}". '
            "Please remove the user from any other batch and try again."
        )

    def change_options(self, identity: str, options: BatchOptions) -> None:
        """Edit a batch; the next pass goes by it.

        Raises:
            NotFound, BatchBusy: as their names say.
        """
        with self.kernel.look():
            batch = self._listening(identity)
            batch.options = options
            self.engine.touch(batch)

    def touch_batch(self, identity: str) -> None:
        """Let the service re-read a batch's settings; counts as an administrator's action.

        Raises:
            NotFound, BatchBusy: as their names say.
        """
        with self.kernel.look():
            self.engine.touch(self._listening(identity))

    def start_batch(self, identity: str) -> None:
        """Start a batch, or resume its stopped and failed users.

        Raises:
            NotFound: there is no such batch.
            BatchBusy: it is stopping or being removed.
        """
        with self.kernel.look():
            self.engine.start_batch(self._listening(identity))

    def stop_batch(self, identity: str) -> None:
        """Halt a batch, deltas included.

        Raises:
            NotFound: there is no such batch.
            BatchBusy: nothing of it runs.
        """
        with self.kernel.look():
            batch = self._listening(identity)
            if batch.own_status in {BatchStatus.CREATED, BatchStatus.STOPPED}:
                raise BatchBusy(
                    f"The migration batch \"{batch.name}\" can't be stopped because it isn't running."
                )
            self.engine.stop_batch(batch)

    def sync_batch_now(self, identity: str) -> None:
        """Ask for a delta of the batch's synced users; failed ones get none.

        Raises:
            NotFound: there is no such batch.
            BatchBusy: it does not run.
        """
        with self.kernel.look():
            batch = self._listening(identity)
            if batch.own_status is not None:
                raise BatchBusy(
                    f'The migration batch "{batch.name}" can\'t be synced because its status is {batch.own_status}.'
                )
            self.engine.sync_now(batch, self.books.users_of(batch))

    def remove_batch(self, identity: str) -> None:
        """Remove a batch with its users; copied mail stays.

        Raises:
            NotFound: there is no such batch.
            BatchBusy: it is being removed, or stopping.
        """
        with self.kernel.look():
            self.engine.remove_batch(self._listening(identity))

    def batches(self) -> list[MigrationBatch]:
        """The batches as a reader sees them, by name."""
        with self.kernel.look():
            found = [b for b in self.books.batches.values() if self.books.is_seen(b.guid)]
            return sorted(found, key=lambda batch: batch.name)

    def batch_seen(self, identity: str) -> MigrationBatch:
        """The batch as a reader sees it.

        Raises:
            NotFound: there is none, or it is too new to be seen.
        """
        found = next((batch for batch in self.batches() if batch.answers_to(identity)), None)
        if found is None:
            raise BatchMissing.named(identity)
        return found

    def status_of(self, batch: MigrationBatch) -> BatchStatus:
        """The status a batch shows now."""
        with self.kernel.look():
            return batch_status(batch.own_status, self.counts_of(batch))

    def counts_of(self, batch: MigrationBatch) -> Counter[UserStatus]:
        """How many users of a batch are in which status."""
        with self.kernel.look():
            return Counter(user.status for user in self.books.users_of(batch))

    def _listening(self, identity: str) -> MigrationBatch:
        batch = next((b for b in self.books.batches.values() if b.answers_to(identity)), None)
        if batch is None:
            raise BatchMissing.named(identity)
        if batch.own_status in _DEAF:
            raise BatchBusy(
                f'The migration batch "{batch.name}" can\'t be changed because its status is {batch.own_status}.'
            )
        return batch

    # -- users --------------------------------------------------------------------------------

    def users(self) -> list[MigrationUser]:
        """The users as a reader sees them, by address."""
        with self.kernel.look():
            found = [u for u in self.books.users.values() if self.books.is_seen(u.guid)]
            return sorted(found, key=lambda user: user.address)

    def user(self, identity: str) -> MigrationUser:
        """The user of that address, GUID or mailbox GUID.

        Raises:
            NotFound: there is none.
        """
        with self.kernel.look():
            found = next((u for u in self.books.users.values() if u.answers_to(identity)), None)
            if found is None:
                raise MigrationUserMissing.named(identity)
            return found

    def progress_of(self, user: MigrationUser) -> Progress:
        """A user's counters as a reader sees them, late."""
        with self.kernel.look():
            return self.books.progress[user.guid].seen()

    def start_user(self, identity: str) -> None:
        """Start or resume one user.

        Raises:
            NotFound: there is none.
            MigrationRefused: it is neither halted nor failed.
        """
        with self.kernel.look():
            user = self._idle(identity)
            self.engine.start_user(user)

    def stop_user(self, identity: str) -> None:
        """Halt one user.

        Raises:
            NotFound: there is none.
            MigrationRefused: nothing of it runs.
        """
        with self.kernel.look():
            user = self.user(identity)
            if user.status in HALTED | {UserStatus.STOPPING, UserStatus.REMOVING}:
                raise MigrationRefused(
                    f'The migration user "{user.address}" can\'t be stopped because its status is {user.status}.'
                )
            self.engine.stop_user(user)

    def sync_user_now(self, identity: str) -> None:
        """Ask for a delta of one synced user.

        Raises:
            NotFound: there is none.
            MigrationRefused: its first copy is not done, or it has failed.
        """
        with self.kernel.look():
            user = self.user(identity)
            if user.status not in SEEDED | {UserStatus.INCREMENTAL_SYNCING}:
                raise MigrationRefused(
                    f'The migration user "{user.address}" can\'t be synced because its status is {user.status}.'
                )
            self.engine.sync_now(self.books.batches[user.batch_guid], [user])

    def remove_user(self, identity: str) -> None:
        """Take one user out of its batch; copied mail stays.

        Raises:
            NotFound: there is none.
            MigrationRefused: it is going already.
        """
        with self.kernel.look():
            user = self.user(identity)
            if user.status is UserStatus.REMOVING:
                raise MigrationRefused(
                    f'The migration user "{user.address}" is already being removed.'
                )
            self.engine.remove_user(user)

    def _idle(self, identity: str) -> MigrationUser:
        user = self.user(identity)
        failed = {UserStatus.FAILED, UserStatus.INCREMENTAL_FAILED}
        if user.status not in HALTED | failed:
            raise MigrationRefused(
                f'The migration user "{user.address}" can\'t be started because its status is {user.status}.'
            )
        return user
