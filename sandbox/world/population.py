"""People with mailboxes at the source: drawn under the world's seed, or taken from a person's own folder of mail."""

import mailbox as mail_formats
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from sandbox.world.mail import header
from sandbox.world.sample_mail import fill
from sandbox.world.source import INBOX, SourceMailbox
from sandbox.world.world import World

GIVEN_NAMES = (
    "Anaïs", "Benoît", "Chloé", "Darko", "Élodie", "François", "Gaëlle", "Hélène", "Inès", "Jérôme",
    "Khadija", "Loïc", "Maëlys", "Noël", "Océane", "Pénélope", "Quentin", "Rokhaya", "Søren", "Thị Mai",
    "Ousmane", "Vĩnh", "Wiesława", "Ximena", "Yaël", "Zoé",
)  # fmt: skip
FAMILY_NAMES = (
    "Bélanger", "D’Aubigné", "Diallo", "Dupont", "Étienne", "García", "Hervé", "Ibáñez", "Jørgensen", "Kovač",
    "Lefèvre", "Müller", "N’Diaye", "Nguyễn", "Östlund", "Petit", "Rakotomalala", "Szymański", "Traoré", "Zeïneb",
)  # fmt: skip

# What people choose, and what a CSV, a shell or an IMAP quoted string trips over.
PASSWORD_TAILS = (
    "Sésame,ouvre",
    'gui"llemets',
    "anti\\slash",
    "point;virgule",
    "simple",
    "pour%cent",
    " deux mots",
)

# A Maildir keeps its state in the file name's tail; Maildir++ folders begin with a dot.
MAILDIR_FLAGS = {
    "S": "\\Seen",
    "R": "\\Answered",
    "F": "\\Flagged",
    "D": "\\Draft",
    "T": "\\Deleted",
}

# No real folder of a demonstration is deeper; a link that points at its own parent would be.
MESSAGES_PER_FOLDER_MAX = 500_000


@dataclass(frozen=True)
class Person:
    """Somebody with a mailbox at the source."""

    address: str
    display_name: str
    user_name: str
    password: str = field(repr=False)


def populate(
    world: World, count: int, *, messages_each: int = 12, over_limit_bytes: int | None = None
) -> list[Person]:
    """Add `count` people with mail, alias rows and logins; the first one has a message over the limit when given."""
    with world.kernel.look():
        people: list[Person] = []
        for index in range(count):
            person = _person(world, index)
            people.append(person)
            box = _settle(world, person, separator="." if index % 5 == 4 else "/")
            luck = world.kernel.chance(f"mail of {person.address}")
            fill(
                box, luck, message_count=messages_each, now_utc=world.kernel.now_utc(),
                over_limit_bytes=over_limit_bytes if index == 0 else None,
            )  # fmt: skip
        world.take_stock()
    return people


def populate_from_folder(world: World, folder: Path) -> list[Person]:
    """Add the mailboxes of a folder on disk: each subfolder named by an address is one, else the folder is one.

    A mailbox is a Maildir (with its Maildir++ folders) or a tree of `.eml` files, one mail folder per directory.
    Raises ValueError when there is no mail in it.
    """
    named = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and "@" in entry.name]
    with world.kernel.look():
        people = [
            _from_disk(world, place, place.name if "@" in place.name else "")
            for place in named or [folder]
        ]
        world.take_stock()
    return people


def _person(world: World, index: int) -> Person:
    luck = world.kernel.chance("population")
    given, family = luck.choice(GIVEN_NAMES), luck.choice(FAMILY_NAMES)
    stem = f"{_ascii(given)}.{_ascii(family)}"
    # Numbered from the second of a name on, as administrators do.
    is_taken = world.source.at_address(f"{stem}@{world.naming.domain}") is not None
    local = f"{stem}{index}" if is_taken else stem
    address = f"{local}@{world.naming.domain}"
    return Person(address, f"{given} {family}", local, _password(luck, index))


def _password(luck: random.Random, index: int) -> str:
    return f"Pw{luck.randrange(1000, 9999)}{PASSWORD_TAILS[index % len(PASSWORD_TAILS)]}"


def _ascii(name: str) -> str:
    # No decomposition knows these three; the rest loses its accents below.
    spelled = name.translate(str.maketrans("øØł", "oOl", "’ "))
    return unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode().lower()


def _settle(world: World, person: Person, separator: str = "/") -> SourceMailbox:
    box = world.source.add(person.address, person.password, person.user_name, separator)
    world.aliases.edit_by_hand(person.address, [world.naming.source_address(person.address)])
    return box


def _from_disk(world: World, place: Path, address: str) -> Person:
    wanted = address or f"boite@{world.naming.domain}"
    local = wanted.partition("@")[0]
    luck = world.kernel.chance("population")
    person = Person(f"{local}@{world.naming.domain}", local, local, _password(luck, 0))
    box = _settle(world, person)
    found = 0
    for folder_name, raw, flags in _messages_at(place):
        box.store.folder(folder_name).add(raw, flags, _sent_utc(raw) or world.kernel.now_utc())
        found += 1
    if not found:
        raise ValueError(f"no mail in {place}: expected .eml files or a Maildir")
    box.subscribed.update(box.store.folders)
    return person


def _messages_at(place: Path) -> Iterator[tuple[str, bytes, frozenset[str]]]:
    if (place / "cur").is_dir() and (place / "new").is_dir():
        yield from _from_maildir(mail_formats.Maildir(place, create=False), INBOX)
        return
    for path in sorted(place.rglob("*.eml"))[:MESSAGES_PER_FOLDER_MAX]:
        levels = path.parent.relative_to(place).parts
        yield "/".join(levels) or INBOX, path.read_bytes(), frozenset()


def _from_maildir(
    maildir: mail_formats.Maildir, folder_name: str
) -> Iterator[tuple[str, bytes, frozenset[str]]]:
    for key in sorted(maildir.keys())[:MESSAGES_PER_FOLDER_MAX]:
        message = maildir.get_message(key)
        flags = frozenset(MAILDIR_FLAGS[f] for f in message.get_flags() if f in MAILDIR_FLAGS)
        yield folder_name, maildir.get_bytes(key), flags
    for name in sorted(maildir.list_folders()):
        # Maildir++ parts levels with dots and spells names as IMAP does on the wire.
        yield from _from_maildir(maildir.get_folder(name), name.replace(".", "/"))


def _sent_utc(raw: bytes) -> datetime | None:
    written = header(raw, "Date")
    if written is None:
        return None
    try:
        parsed = parsedate_to_datetime(written)
    except ValueError:
        return None  # a date nobody can read is an ordinary thing in old mail
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return aware.astimezone(UTC)
