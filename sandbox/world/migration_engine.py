"""What happens to batches and users over time: preparation, slots, copying, deltas, expiry, removal.

Everything planned for a user or a batch carries the turn it was planned in; stopping, failing or removing begins a new
turn, and what an older turn planned no longer happens.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sandbox.world.migration_books import MigrationBooks
from sandbox.world.migration_copy import (
    CopyMemory,
    CopyPass,
    OpenMailbox,
    SourceReader,
    SourceSilent,
)
from sandbox.world.migration_states import (
    FAILURES,
    HALTED,
    RECIPIENT_ADVICE,
    SEEDED,
    SIGN_IN_TEXT,
    WORKING,
    BatchStatus,
    MigrationBatch,
    MigrationUser,
    Progress,
    UserStatus,
)
from sandbox.world.recipients import MAX_RECEIVE_DEFAULT_BYTES
from sandbox.world.replication import draw_s

# One step of a copy: small enough that mail arrives little by little, large enough that a simulated year is quick.
ITEMS_PER_STEP = 10

# Looking up the recipient, preparing the job, halting: seconds in practice, and nobody waits for them.
PREPARATION_S = 5.0
HALT_S = 10.0

# A source that does not answer is tried again; the user shows as syncing meanwhile.
SILENT_RETRY_S = 300.0

# Source: Microsoft Learn, "Manage migration batches in Exchange Online", on how long batches are kept.
IDLE_SYNCED_EXPIRES_AFTER = timedelta(days=60)
HALTED_REMOVED_AFTER = timedelta(days=90)

# What a synced but never finalised job shows. Source: OfficeDocs-Exchange issue 944, a job's log.
PERCENT_COPYING_MIN = 10
PERCENT_SYNCED = 95


@dataclass
class MigrationEngine:
    """The moving part of the migration service."""

    books: MigrationBooks
    source: SourceReader
    _memories: dict[str, CopyMemory] = field(default_factory=dict)
    # Kept by endpoint, because looking through all users at each change would cost their number squared.
    _busy: Counter[tuple[str, UserStatus]] = field(default_factory=Counter)
    _queued: defaultdict[str, deque[MigrationUser]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _due: defaultdict[str, dict[str, MigrationUser]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def __post_init__(self) -> None:
        self.kernel = self.books.kernel
        self.weather = self.books.weather
        self.recipients = self.books.recipients

    def adopt(self, batch: MigrationBatch) -> None:
        """Take a new batch into the books; unless it is started it is removed one day."""
        self.books.adopt(batch)
        self._note_settled(batch)

    def touch(self, batch: MigrationBatch) -> None:
        """Note an administrator's action, which puts off the expiry of an idle batch."""
        batch.touched_utc = self.kernel.now_utc()
        self.kernel.at(
            batch.touched_utc + IDLE_SYNCED_EXPIRES_AFTER, lambda: self._expire_idle(batch)
        )

    # -- starting and stopping ----------------------------------------------------------------

    def start_batch(self, batch: MigrationBatch) -> None:
        """Start a batch, or resume its halted and failed users."""
        self.touch(batch)
        batch.turn += 1
        batch.settled_utc = None
        batch.started_utc = batch.started_utc or self.kernel.now_utc()
        if batch.own_status is not None:
            batch.own_status = BatchStatus.STARTING
        delay_s = draw_s(self.kernel, self.weather.migration_start, "migration-start")
        start_after_utc = batch.options.start_after_utc
        if start_after_utc is not None:
            wait = start_after_utc - self.kernel.now_utc()
            delay_s = max(delay_s, wait.total_seconds())
        self._later_for_batch(delay_s, batch, lambda: self._run(batch))

    def _run(self, batch: MigrationBatch) -> None:
        batch.own_status = None
        for user in self.books.users_of(batch):
            if user.status in HALTED | FAILURES:
                self.start_user(user)

    def start_user(self, user: MigrationUser) -> None:
        """Prepare a user for its first copy, or bring a copied one up to date."""
        self._enter(user, UserStatus.VALIDATING)
        self._later(PREPARATION_S, user, lambda: self._validate(user))

    def _validate(self, user: MigrationUser) -> None:
        mailbox = self.recipients.mailboxes.at_address(user.address)
        if mailbox is None:
            self._fail_without_recipient(user, RECIPIENT_ADVICE)
            return
        user.mailbox_guid = mailbox.exchange_guid
        self._enter(user, UserStatus.PROVISIONING)
        self._later(PREPARATION_S, user, lambda: self._queue(user))

    def _queue(self, user: MigrationUser) -> None:
        self._enter(user, UserStatus.QUEUED)
        user.queued_utc = self.kernel.now_utc()
        self._queued[user.endpoint_name].append(user)
        self.give_slots(user.endpoint_name)

    def stop_batch(self, batch: MigrationBatch) -> None:
        """Halt every user of a batch that is not failed."""
        self.touch(batch)
        batch.turn += 1
        batch.own_status = BatchStatus.STOPPING
        for user in self.books.users_of(batch):
            if user.status not in FAILURES | HALTED | {UserStatus.REMOVING}:
                self.stop_user(user)
        self._later_for_batch(HALT_S, batch, lambda: self._halted(batch))

    def _halted(self, batch: MigrationBatch) -> None:
        batch.own_status = BatchStatus.STOPPED
        self._note_settled(batch)

    def stop_user(self, user: MigrationUser) -> None:
        """Halt one user; what it was doing is dropped."""
        was_seeded = user.first_synced_utc is not None
        self._enter(user, UserStatus.STOPPING)
        at_rest = UserStatus.INCREMENTAL_STOPPED if was_seeded else UserStatus.STOPPED
        self._later(HALT_S, user, lambda: self._enter(user, at_rest))
        self.give_slots(user.endpoint_name)

    # -- slots --------------------------------------------------------------------------------

    def give_slots(self, endpoint_name: str) -> None:
        """Let waiting users of an endpoint begin, as many as its limits allow."""
        endpoint = self.books.endpoint_named(endpoint_name)
        if endpoint is None:
            return
        queued, due = self._queued[endpoint_name], self._due[endpoint_name]
        copying = (endpoint_name, UserStatus.SYNCING)
        while queued and self._busy[copying] < endpoint.concurrent_migrations_max:
            user = queued.popleft()
            if user.status is UserStatus.QUEUED:
                self._begin(user, UserStatus.SYNCING)
        syncing = (endpoint_name, UserStatus.INCREMENTAL_SYNCING)
        while due and self._busy[syncing] < endpoint.concurrent_incremental_syncs_max:
            user = due.pop(next(iter(due)))
            if user.status in SEEDED:
                self._begin(user, UserStatus.INCREMENTAL_SYNCING)

    # -- copying ------------------------------------------------------------------------------

    def _begin(self, user: MigrationUser, status: UserStatus) -> None:
        self._enter(user, status)
        user.last_checked_utc = self.kernel.now_utc()
        user.sync_wanted = False
        self._look_at_source(user)

    def _look_at_source(self, user: MigrationUser) -> None:
        try:
            copy_pass = self._open_pass(user)
        except SourceSilent:
            self._later(SILENT_RETRY_S, user, lambda: self._look_at_source(user))
            return
        if copy_pass is not None:
            copy_pass.look_for_changes()
            self._plan_step(user, copy_pass)

    def _signed_in(self, user: MigrationUser) -> OpenMailbox | None:
        """The source as it is now; None when it refuses, which ends the sync. Raises SourceSilent."""
        source = self.source.login(user.login.user_name, user.login.password)
        if source is None:
            self.fail(user, "MigrationPermanentException", SIGN_IN_TEXT)
        return source

    def _open_pass(self, user: MigrationUser) -> CopyPass | None:
        source = self._signed_in(user)
        if source is None:
            return None
        target = self.recipients.mailboxes.at_address(user.address)
        if target is None:
            self._fail_without_recipient(user)
            return None
        batch = self.books.batches[user.batch_guid]
        endpoint = self.books.endpoint_named(user.endpoint_name)
        return CopyPass(
            kernel=self.kernel,
            weather=self.weather,
            source=source,
            target=target,
            login=user.login,
            options=batch.options,
            memory=self._memories.setdefault(target.exchange_guid, CopyMemory()),
            message_max_bytes=self._message_max_bytes(target.exchange_guid),
            remote_server=endpoint.remote_server if endpoint else "",
        )

    def _fail_without_recipient(self, user: MigrationUser, advice: str = "") -> None:
        text = f'A recipient wasn\'t found for "{user.address}" on the target.{advice}'
        self.fail(user, "MigrationRecipientNotFoundException", text)

    def _message_max_bytes(self, exchange_guid: str) -> int:
        raised = self.recipients.settings(exchange_guid).max_receive_bytes
        limit = self.weather.migration_message_max_bytes
        return raised if raised > MAX_RECEIVE_DEFAULT_BYTES else min(limit, raised)

    def _plan_step(self, user: MigrationUser, copy_pass: CopyPass) -> None:
        self._publish(user, copy_pass)
        if not copy_pass.work:
            self._later(PREPARATION_S, user, lambda: self._finish(user))
            return
        count = min(ITEMS_PER_STEP, len(copy_pass.work))
        delay_s = count / self.weather.migration_items_per_s
        self._later(delay_s, user, lambda: self._step(user, copy_pass))

    def _step(self, user: MigrationUser, copy_pass: CopyPass) -> None:
        # Sessions come and go in a copy of hours: whatever its owner changes meanwhile is met in the middle of it.
        try:
            source = self._signed_in(user)
        except SourceSilent:
            self._later(SILENT_RETRY_S, user, lambda: self._step(user, copy_pass))
            return
        if source is None:
            return
        copy_pass.source = source
        copy_pass.copy_next(ITEMS_PER_STEP)
        self._plan_step(user, copy_pass)

    def _publish(self, user: MigrationUser, copy_pass: CopyPass) -> None:
        user.skipped |= {item.key: item for item in copy_pass.skipped}
        board = self.books.progress[user.guid]
        before = board.latest()
        board.write(
            Progress(
                synced_count=before.synced_count + copy_pass.copied_count,
                skipped_count=len(user.skipped),
                synced_bytes=before.synced_bytes + copy_pass.copied_bytes,
                estimated_count=copy_pass.in_source_count,
                estimated_bytes=max(before.estimated_bytes, copy_pass.planned_bytes),
                in_source_count=copy_pass.in_source_count,
                percent=self._percent(user, copy_pass),
            )
        )
        copy_pass.copied_count = copy_pass.copied_bytes = 0

    def _percent(self, user: MigrationUser, copy_pass: CopyPass) -> int:
        if user.first_synced_utc is not None or not copy_pass.work:
            return PERCENT_SYNCED
        done = 1 - len(copy_pass.work) / max(1, copy_pass.in_source_count)
        return PERCENT_COPYING_MIN + int(done * (PERCENT_SYNCED - PERCENT_COPYING_MIN))

    def _finish(self, user: MigrationUser) -> None:
        now_utc = self.kernel.now_utc()
        is_delta = user.first_synced_utc is not None
        user.first_synced_utc = user.first_synced_utc or now_utc
        user.last_synced_utc = now_utc
        user.error = user.error_type = ""
        wanted = user.sync_wanted
        shows_delta = is_delta and self.weather.delta_ends_as_incremental_synced
        self._enter(user, UserStatus.INCREMENTAL_SYNCED if shows_delta else UserStatus.SYNCED)
        self._note_synced(self.books.batches[user.batch_guid])
        late_s = draw_s(self.kernel, self.weather.delta_late, "delta-late")
        wait_s = PREPARATION_S if wanted else self.weather.delta_cycle_s + late_s
        self._later(wait_s, user, lambda: self._want_delta(user))
        self.give_slots(user.endpoint_name)

    def _note_synced(self, batch: MigrationBatch) -> None:
        batch.last_synced_utc = self.kernel.now_utc()
        if batch.first_synced_utc is not None:
            return
        if not any(user.status in WORKING for user in self.books.users_of(batch)):
            batch.first_synced_utc = batch.last_synced_utc

    def fail(self, user: MigrationUser, error_type: str, text: str) -> None:
        """A user stops with an error; its first copy decides which kind of failure it is."""
        seeded = user.first_synced_utc is not None
        user.error, user.error_type = text, error_type
        self._enter(user, UserStatus.INCREMENTAL_FAILED if seeded else UserStatus.FAILED)
        batch = self.books.batches[user.batch_guid]
        if all(other.status in FAILURES for other in self.books.users_of(batch)):
            self._note_settled(batch)
        self.give_slots(user.endpoint_name)

    # -- deltas -------------------------------------------------------------------------------

    def sync_now(self, batch: MigrationBatch, users: list[MigrationUser]) -> None:
        """Bring users up to date soon; those whose first copy is not done, or who failed, are passed over."""
        if self.weather.sync_now_counts_as_action:
            self.touch(batch)
        delay_s = draw_s(self.kernel, self.weather.sync_now_start, "sync-now")
        for user in users:
            if user.status in SEEDED:
                self._later(delay_s, user, lambda user=user: self._want_delta(user))  # type: ignore[misc]
            elif user.status is UserStatus.INCREMENTAL_SYNCING:
                user.sync_wanted = not self.weather.sync_now_absorbed_by_running_delta

    def _want_delta(self, user: MigrationUser) -> None:
        if user.status in SEEDED:
            self._due[user.endpoint_name][user.guid] = user
            self.give_slots(user.endpoint_name)

    # -- the end ------------------------------------------------------------------------------

    def remove_batch(self, batch: MigrationBatch) -> None:
        """Remove a batch and its users, after a while."""
        batch.turn += 1
        batch.own_status = BatchStatus.REMOVING
        for user in self.books.users_of(batch):
            self._enter(user, UserStatus.REMOVING)
        delay_s = draw_s(self.kernel, self.weather.migration_start, "migration-start")
        self._later_for_batch(delay_s, batch, lambda: self._forget_batch(batch))
        self.give_slots(batch.endpoint_name)

    def remove_user(self, user: MigrationUser) -> None:
        """Take one user out of its batch, after a moment."""
        self._enter(user, UserStatus.REMOVING)
        self._later(HALT_S, user, lambda: self._forget_user(user))
        self.give_slots(user.endpoint_name)

    def _forget_batch(self, batch: MigrationBatch) -> None:
        for user in list(self.books.users_of(batch)):
            self._forget_user(user)
        self.books.strike_batch(batch)

    def _forget_user(self, user: MigrationUser) -> None:
        self.books.strike_user(user)
        user.turn += 1
        if self.weather.recreated_batch_forgets and user.mailbox_guid is not None:
            self._memories.pop(user.mailbox_guid, None)

    def _expire_idle(self, batch: MigrationBatch) -> None:
        now_utc = self.kernel.now_utc()
        touched_utc = batch.touched_utc or batch.created_utc
        is_due = now_utc - touched_utc >= IDLE_SYNCED_EXPIRES_AFTER
        if batch.guid not in self.books.batches or batch.own_status is not None or not is_due:
            return
        if any(user.status in SEEDED for user in self.books.users_of(batch)):
            self.stop_batch(batch)

    def _note_settled(self, batch: MigrationBatch) -> None:
        settled_utc = batch.settled_utc = self.kernel.now_utc()

        def remove_if_still_at_rest() -> None:
            if batch.guid in self.books.batches and batch.settled_utc == settled_utc:
                self.remove_batch(batch)

        self.kernel.at(settled_utc + HALTED_REMOVED_AFTER, remove_if_still_at_rest)

    # -- turns --------------------------------------------------------------------------------

    def _enter(self, user: MigrationUser, status: UserStatus) -> None:
        self._busy[user.endpoint_name, user.status] -= 1
        self._busy[user.endpoint_name, status] += 1
        user.status = status
        user.changed_utc = self.kernel.now_utc()
        user.turn += 1

    def _later(self, delay_s: float, user: MigrationUser, happen: Callable[[], None]) -> None:
        turn = user.turn

        def happen_in_turn() -> None:
            if user.turn == turn:
                happen()

        self.kernel.after(delay_s, happen_in_turn)

    def _later_for_batch(
        self, delay_s: float, batch: MigrationBatch, happen: Callable[[], None]
    ) -> None:
        turn = batch.turn

        def happen_in_turn() -> None:
            if batch.turn == turn:
                happen()

        self.kernel.after(delay_s, happen_in_turn)
