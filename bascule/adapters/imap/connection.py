"""Connecting and logging in: TLS verified, every wait bounded."""

import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.tls import IMAP4_TLS

from bascule.adapters.imap.errors import imap_errors, login_error
from bascule.adapters.imap.mailbox import ImapMailbox
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.mail import Login
from bascule.domain.plan import SourcePlan
from bascule.domain.readiness import SourceEntrance

SSL, STARTTLS = "ssl", "starttls"

# At its finest level the library logs whole conversations, mail included; as a warning, answers it cannot decode.
logging.getLogger("imapclient").setLevel(logging.ERROR)


class ImapSourceMail:
    """The source mail's contract on the plan's IMAP server."""

    def __init__(self, plan: SourcePlan) -> None:
        self._plan = plan
        self._tls = None if plan.security not in (SSL, STARTTLS) else _tls(plan)

    @contextmanager
    def open(self, login: Login) -> Iterator[ImapMailbox]:
        """Log in; log out at the end, or just hang up when the connection is broken already."""
        client = self._connected()
        try:
            self._log_in(client, login)
            yield ImapMailbox(client)
        except Unreachable:
            # A goodbye would wait for a server that does not answer.
            _hang_up(client)
            raise
        else:
            # The work is done: a server that closes without a goodbye changes nothing about it.
            with suppress(IMAPClient.Error, OSError):
                client.logout()
        finally:
            _hang_up(client)

    def entrance(self) -> SourceEntrance:
        """How the server presents itself before a login: until when its certificate is valid, and what it can do.

        Raises:
            Unreachable: no connection.
            Untrusted: a certificate that does not verify.
        """
        client = self._connected()
        try:
            with imap_errors("reading the greeting", Code.SOURCE_LOGIN_REFUSED):
                told = tuple(each.decode("ascii", "replace") for each in client.capabilities())
            return SourceEntrance(_ends_utc(client.socket()), told)
        finally:
            _hang_up(client)

    def _connected(self) -> IMAPClient:
        plan = self._plan
        with imap_errors(f"connecting to {plan.host}:{plan.port}", Code.SOURCE_LOGIN_REFUSED):
            client = _Client(
                plan.host,
                plan.port,
                ssl=plan.security == SSL,
                ssl_context=self._tls,
                timeout=SocketTimeout(plan.connect_timeout_s, plan.read_timeout_s),
            )
            # Instants keep their zone; the library would turn them into this machine's local time.
            client.normalise_times = False
            try:
                if plan.security == STARTTLS:
                    client.starttls(self._tls)
            except BaseException:
                _hang_up(client)
                raise
            return client

    def _log_in(self, client: IMAPClient, login: Login) -> None:
        try:
            with imap_errors(f"logging in {login.user_name}", Code.SOURCE_LOGIN_REFUSED):
                self._authenticate(client, login)
        except Refusal as refusal:
            if isinstance(refusal.__cause__, LoginError):
                raise login_error(login.user_name, refusal.__cause__) from None
            raise

    @staticmethod
    def _authenticate(client: IMAPClient, login: Login) -> None:
        # PLAIN speaks UTF-8; LOGIN knows ASCII only, and an accent in a password is no rarity. Source: RFC 4616.
        if client.has_capability("AUTH=PLAIN"):
            client.plain_login(login.user_name, login.password)
        else:
            client.login(login.user_name, login.password)


class _TlsConnection(IMAP4_TLS):  # type: ignore[misc]  # the library has no types
    """Hands the connect timeout to the socket, which imapclient 3 keeps but does not use for TLS."""

    def _create_socket(self, timeout: float | None) -> socket.socket:
        created: socket.socket = super()._create_socket(timeout or self._timeout)
        return created


class _Client(IMAPClient):  # type: ignore[misc]
    def _create_IMAP4(self) -> Any:  # noqa: N802  the library's name
        connect_timeout_s = self._timeout.connect
        if self.ssl:
            return _TlsConnection(self.host, self.port, self.ssl_context, connect_timeout_s)
        return IMAP4WithTimeout(self.host, self.port, connect_timeout_s)


def _tls(plan: SourcePlan) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=plan.ca_file or None)


def _ends_utc(connection: object) -> datetime | None:
    """When the certificate of a verified connection ends; None without TLS."""
    if not isinstance(connection, ssl.SSLSocket):
        return None
    ends = str((connection.getpeercert() or {}).get("notAfter") or "")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if ends else None


def _hang_up(client: IMAPClient) -> None:
    with suppress(OSError):
        client.shutdown()
