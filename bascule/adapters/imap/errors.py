"""What an IMAP server refuses, in the words of our error tree."""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient.exceptions import LoginError

from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Unreachable, Untrusted

# Refusals of a login that say nothing about the password: the server is busy, or too many of us are there already.
# Source: RFC 5530 section 3; Dovecot says UNAVAILABLE and LIMIT for its own limits.
PASSING_CODES = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"})
NO_SUCH_FOLDER = frozenset({"NONEXISTENT", "TRYCREATE"})

_RESPONSE_CODE = re.compile(r"\[([A-Z][A-Z0-9-]*)[^\]]*\]")


@contextmanager
def imap_errors(doing: str, code: Code = Code.SOURCE_FOLDER_UNREADABLE) -> Iterator[None]:
    """Translate what goes wrong inside the block; `doing` names the work, never a subject or a password.

    Raises:
        Unreachable: the connection broke or fell silent.
        Untrusted: its certificate does not verify.
        Refusal(code): the server refused; only its response code is told, its sentence may quote anything.
    """
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Untrusted(
            f"{doing}: the certificate does not verify ({error.verify_message})"
        ) from error
    except (imaplib.IMAP4.abort, OSError) as error:
        raise Unreachable(f"{doing}: {type(error).__name__}") from error
    except (imaplib.IMAP4.error, UnicodeError, ValueError) as error:
        raise _refusal(doing, error, code) from error


def login_error(user_name: str, error: LoginError) -> BasculeError:
    """Whether a failed login says that the password is wrong, or only that it is a bad moment."""
    said = response_code(error)
    if isinstance(error.__context__, imaplib.IMAP4.abort) or said in PASSING_CODES:
        return Unreachable(f"the source cut off the login of {user_name} ({said or 'BYE'})")
    return Refusal(
        Code.SOURCE_LOGIN_REFUSED,
        f"the source does not take the user name and password of {user_name} ({said or 'NO'})",
    )


def response_code(error: Exception) -> str:
    """The code in brackets of a refusal; empty when it has none. Source: RFC 9051 7.1."""
    found = _RESPONSE_CODE.search(str(error))
    return found.group(1) if found else ""


def _refusal(doing: str, error: Exception, code: Code) -> Refusal:
    said = response_code(error) or type(error).__name__
    return Refusal(code, f"{doing}: the source refuses ({said})")
