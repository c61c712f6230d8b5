"""Distribution groups: their members as written, as a reader sees them, and as each transport server sees them.

    written  --replication delay-->  read back (Get-DistributionGroupMember)
        \\--each transport server copies the group when its last copy has grown old--> seen by mail flow rules

A transport server's copies follow each other without a gap: at the end of one copy's drawn age it takes the next.
So for up to one whole age a server may route by members that an administrator has long removed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.world.exchange_refusals import AlreadyExists, MemberAlready, MemberMissing, NotFound
from sandbox.world.kernel import Kernel
from sandbox.world.recipients import Recipient, RecipientKind, Recipients
from sandbox.world.replication import Replicated, draw_s, new_guid
from sandbox.world.weather import Weather

# A copy that lives shorter than this is as good as none, and would be renewed without end.
COPY_AGE_MIN_S = 1.0


@dataclass(frozen=True)
class DistributionGroup:
    """What an administrator sees of a group."""

    guid: str
    name: str
    display_name: str
    alias: str
    primary_address: str
    kind: RecipientKind = RecipientKind.DISTRIBUTION_GROUP
    managed_by: tuple[str, ...] = ()
    join_restriction: str = "Closed"
    depart_restriction: str = "Closed"
    requires_sender_authentication: bool = True
    is_hidden: bool = False

    def answers_to(self, identity: str) -> bool:
        """Whether the identity (GUID, name, alias or address) names this group."""
        forms = {self.guid, self.name.lower(), self.alias.lower(), self.primary_address}
        return identity.lower() in forms


@dataclass(frozen=True)
class _Change:
    """A member came or went."""

    written_utc: datetime
    seen_utc: datetime
    is_member: bool


@dataclass
class _Copy:
    """When one transport server last copied the group, and until when that copy serves."""

    taken_utc: datetime
    expires_utc: datetime


@dataclass
class _Roll:
    """A group with all that is remembered about it."""

    shown: Replicated[DistributionGroup | None]
    changes: dict[str, list[_Change]] = field(default_factory=dict)
    copies: dict[int, _Copy] = field(default_factory=dict)
    removed_utc: datetime | None = None


@dataclass
class Groups:
    """All distribution groups of the tenant."""

    kernel: Kernel
    weather: Weather
    recipients: Recipients
    _rolls: dict[str, _Roll] = field(default_factory=dict)

    def create(self, group: DistributionGroup) -> DistributionGroup:
        """Add a group; a GUID is given when it has none.

        Raises:
            AlreadyExists: a group of that name exists.
            AddressTaken, DomainNotAccepted: its address cannot be had.
        """
        with self.kernel.look():
            if self.written(group.name) is not None:
                raise AlreadyExists(
                    f'The name "{group.name}" is already being used. Please try another name.'
                )
            self.recipients.claim(group.primary_address, group.guid)
            shown: Replicated[DistributionGroup | None] = Replicated(
                self.kernel, self.weather.exchange_replication, "exchange-replication", None
            )
            shown.write(group)
            self._rolls[group.guid] = _Roll(shown, copies=self._first_copies())
            return group

    def new_guid(self) -> str:
        """A GUID for a group to be created."""
        return new_guid(self.kernel)

    def change(self, group: DistributionGroup) -> None:
        """Write a group's settings."""
        with self.kernel.look():
            self._rolls[group.guid].shown.write(group)

    def remove(self, identity: str) -> None:
        """Delete a group. Rules that name it go on existing, without effect.

        Raises:
            NotFound: there is no such group.
        """
        with self.kernel.look():
            group = self.require(identity)
            roll = self._rolls[group.guid]
            roll.shown.write(None)
            roll.removed_utc = self.kernel.now_utc()
            self.recipients.release(group.guid)

    def written(self, identity: str) -> DistributionGroup | None:
        """The group as written last."""
        with self.kernel.look():
            if identity in self._rolls:
                return self._rolls[identity].shown.latest()
            return _named(identity, [roll.shown.latest() for roll in self._rolls.values()])

    def require(self, identity: str) -> DistributionGroup:
        """The group as written last.

        Raises:
            NotFound: there is no such group.
        """
        group = self.written(identity)
        if group is None:
            raise NotFound.object_named(identity)
        return group

    def seen(self) -> list[DistributionGroup]:
        """The groups as a reader sees them, by name."""
        with self.kernel.look():
            shown = [roll.shown.seen() for roll in self._rolls.values()]
            return sorted((group for group in shown if group), key=lambda group: group.name)

    # -- members ------------------------------------------------------------------------------

    def add_member(self, identity: str, member: str) -> None:
        """Put a recipient or a group into a group.

        Raises:
            NotFound: the group or the recipient does not exist.
            MemberAlready: it is a member.
        """
        with self.kernel.look():
            group, member_guid = self.require(identity), self._recipient_guid(member)
            if self._is_written(group.guid, member_guid):
                raise MemberAlready(
                    f'The recipient "{member}" is already a member of the group "{group.name}".'
                )
            self._note(group.guid, member_guid, is_member=True)

    def remove_member(self, identity: str, member: str) -> None:
        """Take a recipient out of a group.

        Raises:
            NotFound: the group or the recipient does not exist.
            MemberMissing: it is no member.
        """
        with self.kernel.look():
            group, member_guid = self.require(identity), self._recipient_guid(member)
            if not self._is_written(group.guid, member_guid):
                raise MemberMissing(
                    f'The recipient "{member}" isn\'t a member of the group "{group.name}".'
                )
            self._note(group.guid, member_guid, is_member=False)

    def members(self, identity: str) -> list[Recipient]:
        """The members as written last, by address."""
        with self.kernel.look():
            roll = self._rolls[self.require(identity).guid]
            return self._described(
                g for g, changes in roll.changes.items() if changes[-1].is_member
            )

    def members_seen(self, identity: str) -> list[Recipient]:
        """The members as a reader sees them now, by address.

        Raises:
            NotFound: the reader sees no such group (yet).
        """
        with self.kernel.look():
            group = self._named_seen(identity)
            if group is None:
                raise NotFound.object_named(identity)
            now_utc = self.kernel.now_utc()
            changes = self._rolls[group.guid].changes
            return self._described(
                guid
                for guid, history in changes.items()
                if _last_of([c for c in history if c.seen_utc <= now_utc])
            )

    def people_in(self, address: str) -> list[str] | None:
        """Whom mail to an address reaches, member groups opened and each person once; None when it is no group's."""
        with self.kernel.look():
            group = self.written(address)
            if group is None:
                return None
            guids = [group.guid]
            # The list grows under the loop; a group that holds itself is opened once.
            for guid in guids:
                changes = self._rolls[guid].changes if guid in self._rolls else {}
                members = (each for each, history in changes.items() if _last_of(history))
                guids += [each for each in members if each not in guids]
            found = (each for each in self.recipients.all() if each.guid in set(guids))
            return sorted(each.primary_address for each in found)

    def _named_seen(self, identity: str) -> DistributionGroup | None:
        if identity in self._rolls:
            return self._rolls[identity].shown.seen()
        return _named(identity, [roll.shown.seen() for roll in self._rolls.values()])

    def effective_member(self, group: str, address: str, server_index: int) -> bool:
        """Whether one transport server takes the address for a member now.

        `group` is a GUID, name or address; a GUID also finds a group that is removed but still remembered by a copy.
        Members of member groups count.
        """
        with self.kernel.look():
            guid = group if group in self._rolls else self._guid_written(group)
            recipient = self.recipients.resolve(address)
            if guid is None or recipient is None:
                return False
            return self._is_effective(guid, recipient.guid, server_index, frozenset())

    def _is_effective(
        self, group_guid: str, member_guid: str, server_index: int, passed: frozenset[str]
    ) -> bool:
        if group_guid in passed:
            return False
        if self._stands_in_copy(group_guid, member_guid, server_index):
            return True
        inner = (guid for guid in self._rolls if guid in self._rolls[group_guid].changes)
        return any(
            self._stands_in_copy(group_guid, guid, server_index)
            and self._is_effective(guid, member_guid, server_index, passed | {group_guid})
            for guid in inner
        )

    def _stands_in_copy(self, group_guid: str, member_guid: str, server_index: int) -> bool:
        roll = self._rolls[group_guid]
        taken_utc = self._copy_taken_utc(roll, server_index)
        if roll.removed_utc is not None and roll.removed_utc <= taken_utc:
            return False
        history = roll.changes.get(member_guid, [])
        return _last_of([change for change in history if change.written_utc <= taken_utc])

    def _copy_taken_utc(self, roll: _Roll, server_index: int) -> datetime:
        now_utc = self.kernel.now_utc()
        if self.weather.group_cache_age.max_s < COPY_AGE_MIN_S:
            return now_utc
        copy = roll.copies[server_index]
        while copy.expires_utc <= now_utc:
            copy.taken_utc = copy.expires_utc
            copy.expires_utc += self._copy_age(server_index)
        return copy.taken_utc

    def _first_copies(self) -> dict[int, _Copy]:
        now_utc = self.kernel.now_utc()
        return {
            server: _Copy(now_utc, now_utc + self._copy_age(server))
            for server in range(self.weather.transport_server_count)
        }

    def _copy_age(self, server_index: int) -> timedelta:
        span = self.weather.group_cache_age
        age_s = draw_s(self.kernel, span, f"group-cache-{server_index}")
        return timedelta(seconds=max(COPY_AGE_MIN_S, age_s))

    def _note(self, group_guid: str, member_guid: str, *, is_member: bool) -> None:
        now_utc = self.kernel.now_utc()
        delay_s = draw_s(self.kernel, self.weather.exchange_replication, "exchange-replication")
        history = self._rolls[group_guid].changes.setdefault(member_guid, [])
        seen_utc = now_utc + timedelta(seconds=delay_s)
        if history:
            seen_utc = max(seen_utc, history[-1].seen_utc)
        history.append(_Change(now_utc, seen_utc, is_member))

    def _is_written(self, group_guid: str, member_guid: str) -> bool:
        return _last_of(self._rolls[group_guid].changes.get(member_guid, []))

    def _recipient_guid(self, identity: str) -> str:
        recipient = self.recipients.resolve(identity)
        guid = recipient.guid if recipient else self._guid_written(identity)
        if guid is None:
            raise NotFound(
                f'Couldn\'t find object "{identity}". Please make sure that it was spelled '
                "correctly or specify a different object."
            )
        return guid

    def _guid_written(self, identity: str) -> str | None:
        group = self.written(identity)
        return group.guid if group else None

    def _described(self, guids: Iterable[str]) -> list[Recipient]:
        wanted = frozenset(guids)
        people = self.recipients.having(wanted)
        shown = (self._rolls[guid].shown.seen() for guid in wanted if guid in self._rolls)
        groups = [as_recipient(group) for group in shown if group]
        return sorted(people + groups, key=lambda recipient: recipient.primary_address)


def as_recipient(group: DistributionGroup) -> Recipient:
    """A group as one recipient among others."""
    return Recipient(
        guid=group.guid,
        kind=group.kind,
        name=group.name,
        display_name=group.display_name,
        alias=group.alias,
        primary_address=group.primary_address,
        addresses=frozenset({group.primary_address}),
        external_directory_id=group.guid,
    )


def _named(identity: str, groups: list[DistributionGroup | None]) -> DistributionGroup | None:
    return next((group for group in groups if group and group.answers_to(identity)), None)


def _last_of(changes: list[_Change]) -> bool:
    return changes[-1].is_member if changes else False
