"""The tenant's directory: accounts, deleted accounts, licences, domains, and the delay until a write is seen.

Writes are decided on the truth; reads come from one of two replicas, drawn per read: one knows every write at once,
the other after `weather.graph_replication`. So a read soon after a write may be stale, or answer that nothing is there.

Source: Microsoft Graph "Create user", "Update user", "user: assignLicense"; Microsoft Entra, "Designing for eventual
consistency".
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sandbox.world import account_rules
from sandbox.world import directory_errors as no
from sandbox.world.domains import Domains
from sandbox.world.kernel import Kernel
from sandbox.world.licences import Licence, LicenceChange, Seats, Shelf, after_change
from sandbox.world.weather import Span, Weather

# Deleted accounts can be restored for this long.
DELETED_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class User:
    """One account, as one write left it."""

    user_id: str
    upn: str
    display_name: str
    mail_nickname: str
    created_utc: datetime
    account_enabled: bool = True
    password: str = field(default="", repr=False)
    password_change_forced: bool = True
    password_policies: str | None = None
    usage_location: str | None = None
    mail: str | None = None
    proxy_addresses: tuple[str, ...] = ()
    licences: tuple[Licence, ...] = ()
    # Properties without consequences in this world, by their Graph names: jobTitle, department, employeeType, ...
    attributes: tuple[tuple[str, object], ...] = ()


@dataclass
class _Record:
    """All writes to one account that some replica may still show; the last one is the truth."""

    versions: list[tuple[datetime, User | None]]

    def truth(self) -> User | None:
        return self.versions[-1][1]

    def seen(self, now_utc: datetime) -> User | None:
        visible = [user for since_utc, user in self.versions if since_utc <= now_utc]
        return visible[-1] if visible else None

    def write(self, user: User | None, visible_utc: datetime, now_utc: datetime) -> None:
        # A later write is never seen before an earlier one.
        visible_utc = max(visible_utc, self.versions[-1][0])
        self.versions.append((visible_utc, user))
        past = [since_utc for since_utc, _ in self.versions if since_utc <= now_utc]
        del self.versions[: max(len(past) - 1, 0)]


class Directory:
    """Accounts by identifier; every public verb first lets the world catch up."""

    def __init__(self, kernel: Kernel, weather: Weather, domains: Domains, shelf: Shelf) -> None:
        self.domains = domains
        self.shelf = shelf
        # Told after every change of somebody's licences; provisioning opens and closes mailboxes.
        self.on_licences_changed: list[Callable[[User], None]] = []
        # Told of every account whose password is new: created, or given another one.
        self.on_password_set: list[Callable[[User], None]] = []
        # Identifiers of accounts with an administrator's role: no app without such a role may set their passwords.
        self.administrators: set[str] = set()
        self._kernel = kernel
        self._weather = weather
        self._records: dict[str, _Record] = {}
        self._deleted: dict[str, tuple[datetime, User]] = {}
        # Every name and address anybody ever had, lower case, to the accounts that had it.
        self._ids_by_name: defaultdict[str, list[str]] = defaultdict(list)
        self._taken: Counter[str] = Counter()

    def create(self, draft: User, immutable_id: str | None = None) -> User:
        """Add an account; `draft.user_id` and `draft.created_utc` are given here.

        Raises:
            DirectoryRefused: a value is not acceptable, or somebody has it.
        """
        with self._kernel.look():
            self._check_values(draft)
            self._check_domain(draft.upn, immutable_id)
            account_rules.check_password(
                draft.password,
                draft.password_policies or "",
                classes_enforced=not self._weather.education_passwords,
            )
            self._check_unique(draft)
            user = replace(draft, user_id=self._new_id(), created_utc=self._kernel.now_utc())
            self._records[user.user_id] = _Record([(self._visible_utc(), user)])
            self._index(user)
            self._password_set(user)
            return user

    def user(self, name: str) -> User:
        """The account of that identifier or user principal name, as a replica drawn for this read shows it.

        Raises:
            DirectoryRefused: not there, or not there yet.
        """
        with self._kernel.look():
            found = self._look_up(name, self._read())
            if found is None:
                raise no.missing(name)
            return found

    def truth(self, name: str) -> User | None:
        """The account as it really is, for checks and for the parts of the tenant that ask no replica."""
        with self._kernel.look():
            return self._look_up(name, _Record.truth)

    def users(self) -> list[User]:
        """All accounts a replica drawn for this read shows, by user principal name."""
        with self._kernel.look():
            read = self._read()
            seen = [user for record in self._records.values() if (user := read(record))]
            return sorted(seen, key=lambda user: user.upn.lower())

    def update(self, name: str, change: Callable[[User], User]) -> User:
        """Rewrite an account found as `user` finds it.

        Raises:
            DirectoryRefused: not there yet, or a new value is not acceptable.
        """
        with self._kernel.look():
            before = self._truth_behind(name)
            after = change(before)
            self._check_values(after)
            if after.upn != before.upn:
                self._check_domain(after.upn, None)
            if after.password != before.password:
                account_rules.check_password(
                    after.password,
                    after.password_policies or "",
                    classes_enforced=not self._weather.education_passwords,
                )
            self._check_unique(after)
            self._write(after.user_id, after)
            if after.password != before.password:
                self._password_set(after)
            return after

    def set_password(self, name: str, password: str, *, must_change: bool) -> None:
        """Give an account another password.

        Raises:
            DirectoryRefused: not there yet, an administrator's, or too weak.
        """
        with self._kernel.look():
            self.check_password_may_be_set(name)
            self.update(
                name,
                lambda user: replace(user, password=password, password_change_forced=must_change),
            )

    def check_password_may_be_set(self, name: str) -> None:
        """Refuse an account with an administrator's role. Raises DirectoryRefused."""
        user = self._look_up(name, _Record.truth)
        if user is not None and user.user_id in self.administrators:
            raise no.privileged()

    def delete(self, name: str) -> None:
        """Move an account to the deleted ones; its seats are free again."""
        with self._kernel.look():
            user = self._truth_behind(name)
            self._write(user.user_id, None)
            self._deleted[user.user_id] = (self._kernel.now_utc(), user)
            self._licences_changed(replace(user, licences=()))

    def deleted(self) -> list[User]:
        """Accounts deleted less than thirty days ago."""
        with self._kernel.look():
            oldest_utc = self._kernel.now_utc() - DELETED_KEPT
            return [user for when_utc, user in self._deleted.values() if when_utc > oldest_utc]

    def restore(self, user_id: str) -> User:
        """Bring a deleted account back with what it had."""
        with self._kernel.look():
            when_utc, user = self._deleted.get(user_id, (None, None))
            if (
                user is None
                or when_utc is None
                or when_utc <= self._kernel.now_utc() - DELETED_KEPT
            ):
                raise no.missing(user_id)
            self._check_unique(user)
            del self._deleted[user_id]
            self._write(user.user_id, user)
            self._licences_changed(user)
            return user

    def assign(self, name: str, change: LicenceChange) -> User:
        """Give and take licences in one evaluation; the whole change happens or none of it.

        Raises:
            DirectoryRefused: as "user: assignLicense" lists.
        """
        with self._kernel.look():
            user = self._truth_behind(name)
            self.shelf.check_known(change)
            if change.add:
                self._check_usage_location(user)
            after = after_change(user.licences, change, self._kernel.now_utc())
            self.shelf.check_plans(after)
            self._check_seats(user, after)
            assigned = replace(user, licences=after)
            if after != user.licences:
                self._write(assigned.user_id, assigned)
                self._licences_changed(assigned)
            return assigned

    def inherit(self, name: str, group_id: str, sku_id: str, disabled: frozenset[str]) -> User:
        """Give a licence through a group, as group-based licensing does in the background."""
        with self._kernel.look():
            user = self._truth_behind(name)
            licence = Licence(sku_id, disabled, self._kernel.now_utc(), group_id)
            assigned = replace(user, licences=(*user.licences, licence))
            self._check_seats(user, assigned.licences)
            self._write(assigned.user_id, assigned)
            self._licences_changed(assigned)
            return assigned

    def consumed(self, sku_id: str) -> int:
        """Seats taken, as a replica drawn for this read counts them."""
        return sum(sku_id in _products(user) for user in self.users())

    def buy(self, part_number: str, seats: Seats) -> None:
        """Set how many licences of a product the tenant has."""
        with self._kernel.look():
            self.shelf.seats[self.shelf.by_part_number(part_number).sku_id] = seats

    def stamp_addresses(self, user_id: str, primary: str, others: tuple[str, ...]) -> None:
        """What mail provisioning writes back: the addresses of the mailbox."""
        with self._kernel.look():
            user = self._records[user_id].truth()
            if user is not None:
                proxies = (f"SMTP:{primary}", *(f"smtp:{other}" for other in others))
                self._write(user_id, replace(user, mail=primary, proxy_addresses=proxies))

    def adopt(self, user_id: str, address: str, display_name: str) -> None:
        """Make the account that stands behind a mailbox Exchange opened by itself; nobody can sign in to it."""
        with self._kernel.look():
            if user_id not in self._records:
                user = User(
                    user_id,
                    address,
                    display_name,
                    address.partition("@")[0],
                    self._kernel.now_utc(),
                    account_enabled=False,
                    mail=address,
                    proxy_addresses=(f"SMTP:{address}",),
                )
                self._records[user_id] = _Record([(self._visible_utc(), user)])
                self._index(user)

    def holder(self, address: str) -> str | None:
        """The identifier of the account that has this name or address; None when it is free."""
        wanted = address.lower()
        for user_id in self._ids_by_name.get(wanted, ()):
            truth = self._records[user_id].truth()
            if truth is not None and wanted in _names(truth):
                return user_id
        return None

    def _look_up(self, name: str, read: Callable[[_Record], User | None]) -> User | None:
        if name in self._records:
            return read(self._records[name])
        wanted = name.lower()
        for user_id in self._ids_by_name.get(wanted, ()):
            user = read(self._records[user_id])
            if user is not None and user.upn.lower() == wanted:
                return user
        return None

    def _truth_behind(self, name: str) -> User:
        """The truth of an account that the replica asked knows at all."""
        seen = self._look_up(name, self._read())
        if seen is None:
            if self._look_up(name, _Record.truth) is not None:
                raise no.company_not_readable()
            raise no.missing(name)
        truth = self._records[seen.user_id].truth()
        if truth is None:
            raise no.missing(name)
        return truth

    def _read(self) -> Callable[[_Record], User | None]:
        if self._weather.graph_replication == Span(0, 0):
            return _Record.truth
        if self._kernel.chance("directory-replica").random() < 0.5:
            return _Record.truth
        now_utc = self._kernel.now_utc()
        return lambda record: record.seen(now_utc)

    def _write(self, user_id: str, user: User | None) -> None:
        record = self._records[user_id]
        self._taken.subtract(_products(record.truth()))
        self._taken.update(_products(user))
        record.write(user, self._visible_utc(), self._kernel.now_utc())
        if user is not None:
            self._index(user)

    def _index(self, user: User) -> None:
        for name in _names(user):
            if user.user_id not in self._ids_by_name[name]:
                self._ids_by_name[name].append(user.user_id)

    def _visible_utc(self) -> datetime:
        span = self._weather.graph_replication
        lag_s = self._kernel.chance("directory-replication").uniform(span.min_s, span.max_s)
        return self._kernel.now_utc() + timedelta(seconds=lag_s)

    def _licences_changed(self, user: User) -> None:
        for tell in self.on_licences_changed:
            tell(user)

    def _password_set(self, user: User) -> None:
        for tell in self.on_password_set:
            tell(user)

    def _check_values(self, user: User) -> None:
        account_rules.check_upn(user.upn)
        account_rules.check_nickname(user.mail_nickname)
        if not user.display_name:
            raise no.invalid("displayName")
        if user.usage_location is not None:
            account_rules.check_usage_location(user.usage_location)
        if user.password_policies is not None:
            account_rules.check_policies(user.password_policies)

    def _check_domain(self, upn: str, immutable_id: str | None) -> None:
        name = upn.rpartition("@")[2]
        if not self.domains.is_accepted(name):
            raise no.invalid_values()
        if self.domains.get(name).authentication_type == "Federated" and immutable_id is None:
            raise no.invalid_values()

    def _check_unique(self, user: User) -> None:
        holder = self.holder(user.upn)
        other = self._records[holder].truth() if holder else None
        if other is None or holder == user.user_id:
            return
        same_name = other.upn.lower() == user.upn.lower()
        raise no.taken("userPrincipalName" if same_name else "proxyAddresses")

    def _check_usage_location(self, user: User) -> None:
        seen = self._read()(self._records[user.user_id]) or user
        if seen.usage_location is None or seen.usage_location in account_rules.NOT_SOLD_IN:
            raise no.usage_location_invalid()

    def _check_seats(self, user: User, after: tuple[Licence, ...]) -> None:
        for sku_id in sorted(_products(replace(user, licences=after)) - _products(user)):
            if self._taken[sku_id] >= self.shelf.seats[sku_id].assignable():
                raise no.out_of_seats(sku_id)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._kernel.chance("directory-ids").getrandbits(128), version=4))


def _names(user: User) -> list[str]:
    """Every name and address of an account, lower case, the user principal name first."""
    addresses = (proxy.partition(":")[2] for proxy in user.proxy_addresses)
    return list(dict.fromkeys(name.lower() for name in (user.upn, *addresses)))


def _products(user: User | None) -> set[str]:
    """The products a user takes a seat of: one each, however many ways it was given."""
    return {licence.sku_id for licence in user.licences} if user else set()
