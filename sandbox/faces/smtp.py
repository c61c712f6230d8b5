"""SMTP doors of the simulated world: Postfix's, and the tenant's.

`250` after DATA is a promise: it is sent only when the world has accepted the message.
Source: RFC 5321; aiosmtpd, "Handlers".
"""

from collections.abc import Callable

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.world.mail import header_count
from sandbox.world.trace import Journey
from sandbox.world.world import World

# Exchange Online's ceiling for a message; Postfix in front of it is usually set to let as much through.
MESSAGE_BYTES_MAX = 150 * 1024 * 1024

# Old programs send lines far over SMTP's 998 octets, and Postfix takes them.
LINE_BYTES_MAX = 1024 * 1024

HOST_NAME = "mx.sandbox"

Refusal = Callable[[str], str | None]
Acceptance = Callable[[bytes, list[str], str], list[Journey]]


class Door:
    """Asks one server of the world about each recipient, and hands it the message."""

    def __init__(self, refusal_of: Refusal, accept: Acceptance) -> None:
        self._refusal_of = refusal_of
        self._accept = accept

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names its hooks after the commands
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse one recipient."""
        refusal = self._refusal_of(address)
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd names its hooks after the commands
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Hand the message to the world."""
        content = envelope.original_content or b""
        journeys = self._accept(content, list(envelope.rcpt_tos), envelope.mail_from or "")
        return f"250 2.0.0 Ok: queued as {journeys[0].journey_id}"


class MailSmtp(SMTP):
    """SMTP as mail servers take it: long lines included."""

    line_length_limit = LINE_BYTES_MAX


def source_smtp(world: World) -> MailSmtp:
    """One connection to Postfix's port 25."""

    def accept(raw: bytes, recipients: list[str], sender: str) -> list[Journey]:
        return world.postfix.receive(raw, recipients, sender=sender, from_tenant=has_travelled(raw))

    return _server(Door(world.postfix.refusal_of, accept), "Postfix (sandbox)")


def tenant_smtp(world: World) -> MailSmtp:
    """One connection to the tenant's inbound port 25."""

    def accept(raw: bytes, recipients: list[str], sender: str) -> list[Journey]:
        return world.tenant.transport.receive(
            raw, recipients, sender=sender, from_source=has_travelled(raw)
        )

    door = Door(world.tenant.transport.refusal_of, accept)
    return _server(door, "Microsoft ESMTP MAIL Service (sandbox)")


def has_travelled(raw: bytes) -> bool:
    """Whether a server on the way has seen the message; one fresh from its sender has no `Received`."""
    return header_count(raw, "Received") > 0


def _server(door: Door, ident: str) -> MailSmtp:
    return MailSmtp(
        door,
        data_size_limit=MESSAGE_BYTES_MAX,
        enable_SMTPUTF8=True,
        hostname=HOST_NAME,
        ident=ident,
    )
