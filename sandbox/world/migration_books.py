"""The books of the migration service: endpoints, batches, users, and what a reader sees of them."""

from dataclasses import dataclass, field

from sandbox.world.kernel import Kernel
from sandbox.world.migration_csv import MigrationRow
from sandbox.world.migration_states import Endpoint, MigrationBatch, MigrationUser, Progress
from sandbox.world.recipients import Recipients
from sandbox.world.replication import Replicated, new_guid
from sandbox.world.weather import Weather


@dataclass
class MigrationBooks:
    """Everything the service has written down."""

    kernel: Kernel
    weather: Weather
    recipients: Recipients
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    batches: dict[str, MigrationBatch] = field(default_factory=dict)
    users: dict[str, MigrationUser] = field(default_factory=dict)
    progress: dict[str, Replicated[Progress]] = field(default_factory=dict)
    _rosters: dict[str, list[MigrationUser]] = field(default_factory=dict)
    _seen: dict[str, Replicated[bool]] = field(default_factory=dict)

    def adopt(self, batch: MigrationBatch) -> None:
        """Take a new batch into the books."""
        self.batches[batch.guid] = batch
        self._rosters[batch.guid] = []
        self._show_later(batch.guid)

    def enrol(self, batch: MigrationBatch, row: MigrationRow) -> MigrationUser:
        """Make a row a user of the batch."""
        mailbox = self.recipients.mailboxes.at_address(row.address)
        user = MigrationUser(
            guid=new_guid(self.kernel),
            address=row.address,
            batch_guid=batch.guid,
            login=row.login,
            endpoint_name=batch.endpoint_name,
            request_guid=new_guid(self.kernel),
            created_utc=self.kernel.now_utc(),
            mailbox_guid=mailbox.exchange_guid if mailbox else None,
        )
        self.users[user.guid] = user
        self._rosters[batch.guid].append(user)
        self.progress[user.guid] = Replicated(
            self.kernel, self.weather.counter_lag, "counter-lag", Progress()
        )
        self._show_later(user.guid)
        return user

    def users_of(self, batch: MigrationBatch) -> list[MigrationUser]:
        """The users of a batch, in the order of its rows."""
        return self._rosters[batch.guid]

    def holder_of(self, address: str) -> MigrationUser | None:
        """The user that has the address, or another address of the same mailbox, in some batch."""
        mailbox = self.recipients.mailboxes.at_address(address)
        forms = {address, mailbox.exchange_guid} if mailbox else {address}
        return next((u for u in self.users.values() if forms & {u.address, u.mailbox_guid}), None)

    def is_seen(self, guid: str) -> bool:
        """Whether a reader sees the batch or user already."""
        return self._seen[guid].seen()

    def endpoint_named(self, name: str) -> Endpoint | None:
        """The endpoint of exactly that name."""
        return next((e for e in self.endpoints.values() if e.name == name), None)

    def strike_batch(self, batch: MigrationBatch) -> None:
        """Forget a batch; its users must be gone."""
        del self.batches[batch.guid], self._rosters[batch.guid], self._seen[batch.guid]

    def strike_user(self, user: MigrationUser) -> None:
        """Forget a user."""
        self._rosters[user.batch_guid].remove(user)
        del self.users[user.guid], self.progress[user.guid], self._seen[user.guid]

    def _show_later(self, guid: str) -> None:
        lag = self.weather.exchange_replication
        self._seen[guid] = Replicated(self.kernel, lag, "exchange-replication", value=False)
        self._seen[guid].write(True)
