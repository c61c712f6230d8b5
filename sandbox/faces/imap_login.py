"""Commands about the connection and who is on it. Source: RFC 3501 sections 6.1 and 6.2, RFC 2342, RFC 2971."""

import base64
import binascii

from sandbox.faces import imap_wire as wire
from sandbox.faces.imap_grammar import BadCommand, No, Token, text
from sandbox.faces.imap_session import Reply, Session
from sandbox.world.source import MASTER_SEPARATOR

BEFORE_LOGIN = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID LITERAL+"
AFTER_LOGIN = "IMAP4rev1 ID LITERAL+ CHILDREN NAMESPACE UIDPLUS UNSELECT STATUS=SIZE"


def capabilities(session: Session, *, offers_tls: bool) -> str:
    """What the server can do at this point of the conversation."""
    if session.mailbox is not None:
        return AFTER_LOGIN
    tls = " STARTTLS" if offers_tls else ""
    return BEFORE_LOGIN + tls + (" AUTH=PLAIN" if session.is_private else " LOGINDISABLED")


def noop(_session: Session, _words: list[Token]) -> Reply:
    """NOOP and CHECK: the news come with every answer."""
    return Reply("Completed.")


def logout(session: Session, _words: list[Token]) -> Reply:
    """LOGOUT."""
    session.is_over = True
    return Reply("Logout completed.", (b"BYE Logging out",))


def identify(_session: Session, _words: list[Token]) -> Reply:
    """ID: who we are; who the client is does not matter here."""
    return Reply("ID completed.", (b'ID ("name" "Dovecot" "vendor" "sandbox")',))


def namespace(session: Session, _words: list[Token]) -> Reply:
    """NAMESPACE: one personal namespace without a prefix."""
    separator = session.owner().separator.encode()
    line = b'NAMESPACE (("" "' + separator + b'")) NIL NIL'
    return Reply("Namespace completed.", (line,))


def login(session: Session, words: list[Token]) -> Reply:
    """LOGIN user password."""
    if len(words) != 2:
        raise BadCommand("Missing arguments")
    return log_in(session, text(words[0]), text(words[1]))


def log_in(session: Session, user_name: str, password: str) -> Reply:
    """Open the mailbox that the credentials open, whichever way they came."""
    if not session.is_private:
        raise No("[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure connections.")
    if session.mailbox is not None:
        raise BadCommand("Already logged in")
    session.mailbox = session.world.source.login(user_name, password)
    if session.mailbox is None:
        raise No("[AUTHENTICATIONFAILED] Authentication failed.")
    session.world.calls["imap_sessions"] += 1
    return Reply(f"[CAPABILITY {AFTER_LOGIN}] Logged in")


def credentials(answer: bytes) -> tuple[str, str]:
    """User name and password from a SASL PLAIN answer in base64; `user*master` when one logs in for another.

    Source: RFC 4616; Dovecot "Master users".
    """
    try:
        authorized, authenticated, password = (
            part.decode("utf-8") for part in base64.b64decode(answer, validate=True).split(b"\0")
        )
    except (binascii.Error, ValueError) as problem:
        raise No("[AUTHENTICATIONFAILED] Invalid base64 or SASL PLAIN data") from problem
    if authorized and authorized != authenticated:
        return f"{authorized}{MASTER_SEPARATOR}{authenticated}", password
    return authenticated, password


def greeting(session: Session, *, offers_tls: bool) -> bytes:
    """The server's first line."""
    offered = capabilities(session, offers_tls=offers_tls)
    return b"* OK [CAPABILITY %s] Dovecot (sandbox) ready." % offered.encode()


def separator_of(session: Session) -> bytes:
    """The owner's hierarchy separator, quoted."""
    return wire.string(session.owner().separator.encode())
