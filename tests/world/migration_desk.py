"""A prepared tenant with a source, a migration service, and a clock moved by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sandbox.world.cloud import CloudMailbox
from sandbox.world.coexistence import IMAP_SOURCE, prepare_coexistence
from sandbox.world.migration_states import BatchStatus, UserStatus
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

ANNA = "anna@example.org"
BORIS = "boris@example.org"
PASSWORD = "Nicht weitersagen, 7"
LETTER = (
    b"Message-ID: <1@x>\r\nSubject: one\r\nDate: Mon, 2 Feb 2026 08:00:00 +0100\r\n\r\nOne.\r\n"
)
NAMELESS = b"Subject: two\r\n\r\nTwo.\r\n"


class Migration:
    """A prepared tenant with a source, and a clock moved by hand."""

    def __init__(self, weather: Weather = CALM) -> None:
        self.now_utc = datetime(2026, 3, 1, 8, tzinfo=UTC)
        self.world = World(3, lambda: self.now_utc, weather)
        narrow = replace(
            IMAP_SOURCE, concurrent_migrations_max=2, concurrent_incremental_syncs_max=1
        )
        prepare_coexistence(self.world, endpoint=narrow)
        self.service = self.world.tenant.migration

    def person(self, address: str, *raws: bytes, has_mailbox: bool = True) -> None:
        source = self.world.source.add(address, PASSWORD)
        for raw in raws:
            source.store.folder("INBOX").add(raw, frozenset(), self.now_utc - timedelta(days=9))
        local = address.partition("@")[0]
        if has_mailbox:
            self.world.tenant.mailboxes.open(
                CloudMailbox(
                    f"u-{local}",
                    f"g-{local}",
                    address,
                    {address, f"{local}@exampleorg.onmicrosoft.com"},
                    self.now_utc,
                )
            )

    def inbox(self, address: str) -> list[bytes]:
        mailbox = self.world.tenant.mailboxes.at_address(address)
        assert mailbox is not None
        return [message.raw for message in mailbox.store.folder("Inbox").messages.values()]

    def deliver(self, address: str, raw: bytes) -> None:
        mailbox = self.world.source.at_address(address)
        assert mailbox is not None
        mailbox.store.folder("INBOX").add(raw, frozenset(), self.now_utc)

    def begin(self, *addresses: str, name: str = "lot-1", password: str = PASSWORD) -> None:
        self.service.create_batch(name, "imap-source", rows(*addresses, password=password))
        self.service.start_batch(name)

    def pass_time(self, **units: float) -> None:
        self.now_utc += timedelta(**units)
        with self.world.kernel.look():
            pass

    def batch_status(self, name: str = "lot-1") -> BatchStatus:
        return self.service.status_of(self.service.batch_seen(name))

    def status(self, address: str) -> UserStatus:
        return self.service.user(address).status


def rows(*addresses: str, password: str = PASSWORD) -> bytes:
    lines = ["EmailAddress,UserName,Password"]
    lines += [f'"{a}","{a.partition("@")[0]}","{password}"' for a in addresses]
    return "\r\n".join(lines).encode()
