"""The whole mail host: MariaDB, Dovecot and both Postfixes, started in the order in which they need each other."""

import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.servers.dovecot import Dovecot, MailUser
from sandbox.servers.machine import require_servers
from sandbox.servers.mariadb import SECRET_BYTES, MariaDb
from sandbox.servers.postfix import Neighbours, Postfix
from sandbox.world.naming import Naming

POSTFIX_NAMES = ("mx1", "mx2")


class MailHost:
    """Everything runs while the `with` block does; nothing is left behind."""

    def __init__(self, folder: Path, naming: Naming, users: Iterable[MailUser]) -> None:
        """`folder` is as `private_folder` makes it. Raises ServersMissing."""
        require_servers()
        self.naming = naming
        self.database = MariaDb(folder / "mariadb")
        self.dovecot = Dovecot(folder / "dovecot", users, secrets.token_urlsafe(SECRET_BYTES))
        self.postfixes = tuple(Postfix(folder / name, name, naming) for name in POSTFIX_NAMES)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.database.stop)
            self.database.install()
            stack.callback(self.dovecot.stop)
            self.dovecot.install()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def open_postfixes(self, tenant_port: int) -> None:
        """Start both, with the tenant's inbound door at this port."""
        neighbours = Neighbours(self.dovecot.lmtp_port, tenant_port, self.dovecot.pem_file)
        for postfix in self.postfixes:
            self._stack.callback(postfix.stop)
            postfix.install(self.database, neighbours)

    def queued_count(self) -> int:
        """How many messages stand in the queues of both."""
        return sum(len(postfix.queue()) for postfix in self.postfixes)
