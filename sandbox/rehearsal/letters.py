"""Numbered letters in the shapes that people and programs send, each one of a kind.

Every line ends as SMTP wants it and stays within its 998 octets, so that no server has a reason to change a byte.
"""

from collections.abc import Callable
from itertools import count
from threading import Lock

from sandbox.world.mail import fingerprint

# What our traffic's Message-IDs end with; anything else in a mailbox was there before, or is a notice.
ID_DOMAIN = "courrier.example.net"


def _plain(number: int) -> bytes:
    return f"\r\nCeci est le courrier {number}.\r\n".encode()


def _latin_1(number: int) -> bytes:
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    head += b"Content-Transfer-Encoding: 8bit\r\n\r\n"
    return head + f"Déjà {number} étés à Genève.\r\n".encode("latin-1")


def _dots(number: int) -> bytes:
    return f"\r\n.\r\n..\r\n. {number}\r\n.fin\r\n".encode()


def _folded(number: int) -> bytes:
    head = (
        f"References: <a{number}@example.net>\r\n\t<b{number}@example.net>\r\n  <c@example.net>\r\n"
    )
    return head.encode() + b"X-Odd:   spaces  stay   \r\n\r\n \r\n\t\r\n\r\n"


def _attachment(number: int) -> bytes:
    head = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=cut\r\n\r\n"
    parts = "--cut\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nÇa va ?\r\n--cut\r\n"
    parts += "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return f"{head}{parts}{'QUJD' * 19}\r\n{number:x}\r\n--cut--\r\n".encode()


def _long_line(number: int) -> bytes:
    return f"\r\n{number} {'x' * 980}\r\nFrom the start of a line\r\n".encode()


SHAPES: tuple[Callable[[int], bytes], ...] = (
    _plain,
    _latin_1,
    _dots,
    _folded,
    _attachment,
    _long_line,
)


class Letters:
    """Writes letters and keeps each as it was sent."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._lock = Lock()
        self.sent: dict[str, bytes] = {}
        """{fingerprint: the octets as handed to the first server}"""

    def letter(self, sender: str, recipient: str) -> bytes:
        """The next one."""
        with self._lock:
            number = next(self._numbers)
            head = f"From: {sender}\r\nTo: {recipient}\r\nSubject: Courrier {number}\r\n"
            head += f"Message-ID: <{number}@{ID_DOMAIN}>\r\n"
            raw = head.encode() + SHAPES[number % len(SHAPES)](number)
            self.sent[fingerprint(raw)] = raw
            return raw
