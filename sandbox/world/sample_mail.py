"""Awkward mail on purpose: what real mailboxes hold, drawn under a seed and the same for the same seed.

Every message but the empty one carries its number, so no two are alike unless that is the point.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from sandbox.world.source import INBOX, SourceMailbox

# One name for each special role only; a second candidate is an offence that a test asks for by name.
FOLDER_LEVELS: tuple[tuple[str, ...], ...] = (
    (INBOX,),
    ("Sent",),
    ("Drafts",),
    ("Trash",),
    ("Projets",),
    ("Projets", "Été 2024"),
    ("Projets", "Été 2024", "Déplacements & frais"),
    ("Архив",),
    ("日本語", "会議"),
    ("R&D",),
    ('Dit "urgent"',),
)

FLAG_SETS: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"\\Seen"}),
    frozenset({"\\Seen", "\\Answered"}),
    frozenset({"\\Flagged"}),
    frozenset({"\\Seen", "$Forwarded"}),
)

# India, Nepal, Chatham Islands, Newfoundland, and the ends of the day.
ODD_ZONES_MIN = (330, 345, 765, -210, 840, -720, 0)

# A line longer than SMTP's 998 octets, which mailboxes hold all the same.
LONG_LINE_BYTES = 5_000


@dataclass(frozen=True)
class Draw:
    """What one message is made from."""

    number: int
    owner: str
    luck: random.Random
    sent_utc: datetime

    def head(self, subject: str, message_id: str | None = None) -> bytes:
        """The usual headers."""
        zone = timezone(timedelta(minutes=self.luck.choice(ODD_ZONES_MIN)))
        identity = message_id or f"<{self.number}.{self.luck.getrandbits(48):x}@mail.example.net>"
        return (
            f"From: =?utf-8?q?Zo=C3=A9?= Petit <zoe@example.net>\r\nTo: {self.owner}\r\n"
            f"Subject: {subject}\r\nDate: {format_datetime(self.sent_utc.astimezone(zone))}\r\n"
            f"Message-ID: {identity}\r\n"
        ).encode()


def plain(draw: Draw) -> bytes:
    """An everyday message."""
    return draw.head(f"Note {draw.number}") + f"\r\nBonjour, voici {draw.number}.\r\n".encode()


def without_message_id(draw: Draw) -> bytes:
    """No Message-ID: old scanners and scripts send these."""
    head = f"From: scan@example.net\r\nTo: {draw.owner}\r\nSubject: Scan {draw.number}\r\n"
    return head.encode() + b"\r\n" + f"Page {draw.number}\r\n".encode()


def equal_message_ids(draw: Draw) -> bytes:
    """A Message-ID that other messages have as well, with other content."""
    return (
        draw.head(f"Rappel {draw.number}", "<toujours-le-meme@example.net>")
        + b"\r\nEncore un rappel.\r\n"
    )


def raw_eight_bit(draw: Draw) -> bytes:
    """Headers in Latin-1 bytes, as old clients wrote them, and a body to match."""
    head = draw.head(f"RAW {draw.number}").replace(b"RAW", "Été à Genève".encode("latin-1"))
    return head + b"\r\n" + "Déjà vu\r\n".encode("latin-1")


def without_body(draw: Draw) -> bytes:
    """Headers and nothing else."""
    return draw.head(f"(vide) {draw.number}") + b"\r\n"


def empty(_draw: Draw) -> bytes:
    """No header and no body; two of them are equal."""
    return b"\r\n"


def without_subject(draw: Draw) -> bytes:
    """No subject, one recipient list folded over several lines."""
    head = f"From: a@example.net\r\nTo: {draw.owner},\r\n\tb@example.net,\r\n  c@example.net\r\n"
    return head.encode() + f"Message-ID: <nosubject.{draw.number}@example.net>\r\n\r\n".encode()


def multipart(draw: Draw) -> bytes:
    """Text, HTML and an attachment with a name that is not ASCII."""
    cut = f"=_cut_{draw.number}"
    parts = (
        "Content-Type: text/plain; charset=utf-8\r\n\r\nÇa va ?\r\n",
        "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Ça va ?</p>\r\n",
        "Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.bin\r\n\r\n\xde\xad\r\n",
    )
    head = draw.head(f"=?utf-8?b?UGnDqGNlIGpvaW50ZQ==?= {draw.number}")
    head += f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{cut}"\r\n\r\n'.encode()
    body = "".join(f"--{cut}\r\n{part}" for part in parts) + f"--{cut}--\r\n"
    return head + body.encode()


def long_lines(draw: Draw) -> bytes:
    """A line far longer than SMTP allows."""
    return draw.head(f"Long {draw.number}") + b"\r\n" + b"x" * LONG_LINE_BYTES + b"\r\n"


def binary(draw: Draw) -> bytes:
    """Every octet but NUL, CR and LF, unencoded."""
    octets = bytes(sorted(set(range(1, 256)) - {10, 13}))
    return draw.head(f"Binaire {draw.number}") + b"\r\n" + octets + b"\r\n"


def bare_line_feeds(draw: Draw) -> bytes:
    """Line ends of a Unix file, as a delivery script left them."""
    return draw.head(f"Unix {draw.number}").replace(b"\r\n", b"\n") + b"\nligne 1\nligne 2\n"


KINDS: tuple[Callable[[Draw], bytes], ...] = (
    plain,
    without_message_id,
    equal_message_ids,
    raw_eight_bit,
    without_body,
    without_subject,
    multipart,
    long_lines,
    binary,
    bare_line_feeds,
    empty,
)


def of_size(draw: Draw, size_bytes: int) -> bytes:
    """A message of at least this size."""
    line = b"0123456789abcdef" * 4 + b"\r\n"
    return draw.head(f"Lourd {draw.number}") + b"\r\n" + line * (size_bytes // len(line) + 1)


def fill(
    mailbox: SourceMailbox,
    luck: random.Random,
    *,
    message_count: int,
    now_utc: datetime,
    over_limit_bytes: int | None = None,
) -> None:
    """Put `message_count` messages of all kinds in the mailbox's folders; one more of `over_limit_bytes` when given."""
    folders = [mailbox.separator.join(levels) for levels in FOLDER_LEVELS]
    mailbox.subscribed.update(mailbox.store.folder(name).name for name in folders)
    for number in range(1, message_count + 1):
        sent_utc = now_utc - timedelta(minutes=luck.randrange(1, 3 * 365 * 24 * 60))
        draw = Draw(number, mailbox.address, luck, sent_utc)
        # The kinds come in turn, so that a small mailbox has met each of them; the folder is chance.
        raw = KINDS[number % len(KINDS)](draw)
        folder = mailbox.store.folder(luck.choice(folders))
        folder.add(raw, luck.choice(FLAG_SETS), sent_utc.replace(microsecond=0))
    if over_limit_bytes is not None:
        heavy = Draw(message_count + 1, mailbox.address, luck, now_utc.replace(microsecond=0))
        mailbox.store.folder(INBOX).add(
            of_size(heavy, over_limit_bytes), frozenset(), heavy.sent_utc
        )
