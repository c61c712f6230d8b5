"""The real mail host as a rig's source: the world's people move in, and the world's mail goes through it."""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.rehearsal.dovecot_mail import DovecotMail
from sandbox.rehearsal.relay import SmtpRelay
from sandbox.servers.dovecot import MASTER_USER, MailUser, Room
from sandbox.servers.machine import LOOPBACK, private_folder
from sandbox.servers.mail_host import MailHost
from sandbox.servers.mariadb import DATABASE, PRODUCT_USER, TABLE, MariaDbAliases
from sandbox.world.groups import DistributionGroup
from sandbox.world.mail import fingerprint
from sandbox.world.naming import local_part
from sandbox.world.world import World

PLACES = """
[source]
host = "{host}"
port = {port}
security = "{security}"
ca_file = "{ca_file}"
user_name_form = "local"
{master}
[alias_map]
driver = "mysql"
host = "{host}"
port = {database_port}
database = "{database}"
table = "{database}.{table}"
user = "{user}"
home_form = "{{local}}@{source_domain}"

[submission]
hosts = {postfixes}
ca_file = "{ca_file}"
"""
MASTER = f'master_user = "{MASTER_USER}"\n'


class RealSource:
    """Postfix, Dovecot and MariaDB behind a rig, from `open` to the end of the `with` block."""

    alias_path: Path | None = None

    def __init__(self, *, security: str = "ssl", has_master: bool = False) -> None:
        """`security`: `ssl` or `starttls`. `has_master`: the product logs in as the master user."""
        self._security = security
        self._has_master = has_master
        self.lists: dict[str, tuple[str, ...]] = {}
        """{address: members}; `add_list` adds one."""
        self.shared_lists: set[str] = set()
        """Those of the lists that the tenant knows as groups; to it the others are addresses of Postfix's."""
        self.filled: dict[str, Room] = {}
        """{address: what its senders were told} of every mailbox that was full at some time."""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def open(self, world: World, addresses: Mapping[str, Any]) -> None:
        """Start the servers, move the world's mail and alias rows there, and put them in the mail's way."""
        folder = self._stack.enter_context(private_folder())
        users = [MailUser(box.user_name, box.password) for box in world.source.all()]
        self.host = self._stack.enter_context(MailHost(folder, world.naming, users))
        self.mail = DovecotMail(self.host.dovecot)
        for box in world.source.all():
            self.mail.fill(box)
        self._take_over_aliases(world)
        self.host.open_postfixes(int(addresses["tenant_smtp"]["port"]))
        ports = tuple(postfix.port for postfix in self.host.postfixes)
        self.relay = self._stack.enter_context(SmtpRelay(ports, world.trace, self.lists))
        with world.kernel.look():
            world.tenant.transport.smart_host = self.relay
            world.tenant.migration.engine.source = self.mail
        self.look_at_mail(world)
        _check_nothing_changed_on_the_way(world)

    def places(self) -> str:
        """Dovecot and both Postfixes with the private authority that is believed, MariaDB with the product's own user."""
        dovecot = self.host.dovecot
        return PLACES.format(
            host=LOOPBACK,
            port=dovecot.imap_port if self._security == "starttls" else dovecot.imaps_port,
            security=self._security,
            ca_file=dovecot.ca_file,
            postfixes=[f"{LOOPBACK}:{postfix.port}" for postfix in self.host.postfixes],
            master=MASTER if self._has_master else "",
            database_port=self.host.database.port,
            database=DATABASE,
            table=TABLE,
            user=PRODUCT_USER,
            source_domain=self.host.naming.source_domain,
        )

    def environment(self) -> Mapping[str, str]:
        """The passwords of the product's own users."""
        secrets = {"BASCULE_ALIAS_MAP_PASSWORD": self.host.database.product_password}
        if self._has_master:
            secrets["BASCULE_SOURCE_MASTER_PASSWORD"] = self.host.dovecot.master_password
        return secrets

    def add_list(
        self, world: World, address: str, members: tuple[str, ...], *, is_one_row: bool
    ) -> None:
        """A list that Postfix expands: one alias row that names everybody, or one for each. Source: virtual(5)."""
        rows = [", ".join(members)] if is_one_row else list(members)
        world.aliases.edit_by_hand(address, rows)
        self.lists[address] = members

    def share_list(self, world: World, address: str) -> None:
        """Make a list of Postfix's a group of the tenant as well, as is done when everybody has a mailbox there."""
        groups, name = world.tenant.groups, local_part(address)
        with world.kernel.look():
            groups.create(DistributionGroup(groups.new_guid(), name, name, name, address))
            for member in self.lists[address]:
                groups.add_member(address, member)
        self.shared_lists.add(address)

    def fill_up(self, world: World, address: str, room: Room) -> None:
        """Take all room from a mailbox."""
        self.filled[address] = room
        self._set_room(world, address, room)

    def make_room(self, world: World) -> None:
        """Lift every quota; what was deferred is delivered in the end."""
        for address in self.filled:
            self._set_room(world, address, Room.ENOUGH)

    def look_at_mail(self, world: World) -> None:
        """Let the world's mailboxes show what the real ones hold now."""
        stores = {box.address: self.mail.read(box.user_name) for box in world.source.all()}
        with world.kernel.look():
            for box in world.source.all():
                box.store, box.separator = stores[box.address], "/"

    def in_flight_count(self) -> int:
        """How many messages are in a queue, or between the tenant and one."""
        return self.relay.in_flight_count + self.host.queued_count()

    def _set_room(self, world: World, address: str, room: Room) -> None:
        box = world.source.at_address(address)
        if box is None:
            raise LookupError(f"{address} has no mailbox at the source")
        self.host.dovecot.set_room(box.user_name, room)

    def _take_over_aliases(self, world: World) -> None:
        real = MariaDbAliases(self.host.database)
        for source, destination in world.aliases.all_rows():
            real.edit_by_hand(source, [*real.rows_of(source), destination])
        with world.kernel.look():
            world.aliases = real


def _check_nothing_changed_on_the_way(world: World) -> None:
    found = Counter(
        (box.address, fingerprint(message.raw))
        for box in world.source.all()
        for _, message in box.store.walk()
    )
    if found != world.initial_mail:
        raise RuntimeError(
            f"Dovecot shows {found.total()} messages of the {world.initial_mail.total()} it was given, or others"
        )
