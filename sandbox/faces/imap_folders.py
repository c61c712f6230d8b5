"""Commands about folders. Source: RFC 3501 sections 6.3 and 6.4.2, RFC 3348, RFC 3691, RFC 8438."""

import re
from collections.abc import Iterator

from sandbox.faces import imap_wire as wire
from sandbox.faces.imap_grammar import BadCommand, No, Token, folder_name, text
from sandbox.faces.imap_login import separator_of
from sandbox.faces.imap_session import Reply, Selected, Session
from sandbox.world.mail import Folder
from sandbox.world.source import INBOX, SourceMailbox

SYSTEM_FLAGS = "\\Answered \\Flagged \\Deleted \\Seen \\Draft"


def list_folders(session: Session, words: list[Token]) -> Reply:
    """LIST reference pattern."""
    reference, pattern = _two(words)
    if not pattern:
        return Reply("List completed.", (rb"LIST (\Noselect) " + separator_of(session) + b' ""',))
    names = _with_parents(session.owner(), set(session.owner().store.folders))
    return Reply("List completed.", tuple(_listed(session, b"LIST", reference + pattern, names)))


def list_subscribed(session: Session, words: list[Token]) -> Reply:
    """LSUB reference pattern: subscriptions, whether or not the folder still exists."""
    reference, pattern = _two(words)
    owner = session.owner()
    # RFC 3501 6.3.9: with `%`, a parent stands for the subscribed folders below it.
    is_by_level = "%" in pattern
    names = (
        _with_parents(owner, owner.subscribed)
        if is_by_level
        else dict.fromkeys(owner.subscribed, True)
    )
    return Reply("Lsub completed.", tuple(_listed(session, b"LSUB", reference + pattern, names)))


def _two(words: list[Token]) -> tuple[str, str]:
    if len(words) != 2:
        raise BadCommand("Missing arguments")
    return folder_name(words[0]), folder_name(words[1])


def _with_parents(owner: SourceMailbox, names: set[str]) -> dict[str, bool]:
    """Every name with whether it can be selected; a parent that only its children imply cannot."""
    found = dict.fromkeys(names, True)
    for name in names:
        levels = owner.levels(name)
        for depth in range(1, len(levels)):
            found.setdefault(owner.separator.join(levels[:depth]), False)
    return found


def _listed(session: Session, word: bytes, pattern: str, names: dict[str, bool]) -> Iterator[bytes]:
    separator = session.owner().separator
    wanted = _pattern(pattern, separator)
    for name in sorted(names):
        if wanted.match(name):
            has_children = any(other.startswith(name + separator) for other in names)
            attributes = [] if names[name] else [rb"\Noselect"]
            if word == b"LIST":
                attributes.append(rb"\HasChildren" if has_children else rb"\HasNoChildren")
            shown = b"(" + b" ".join(attributes) + b")"
            yield b" ".join((word, shown, separator_of(session), wire.name(name)))


def _pattern(pattern: str, separator: str) -> re.Pattern[str]:
    one_level = f"[^{re.escape(separator)}]*"
    pieces = [
        {"*": ".*", "%": one_level}.get(letter) or re.escape(letter)
        for letter in re.sub(r"^inbox(?=$|[^\w])", INBOX, pattern, flags=re.IGNORECASE)
    ]
    return re.compile("".join(pieces) + r"\Z", re.DOTALL)


def status(session: Session, words: list[Token]) -> Reply:
    """STATUS folder (items)."""
    if len(words) != 2 or not isinstance(words[1], list):
        raise BadCommand("Missing arguments")
    folder = _readable(session, folder_name(words[0]))
    figures = b" ".join(_figure(folder, text(item).upper()) for item in words[1])
    return Reply(
        "Status completed.", (b"STATUS " + wire.name(folder.name) + b" (" + figures + b")",)
    )


def _figure(folder: Folder, item: str) -> bytes:
    messages = folder.messages.values()
    match item:
        case "MESSAGES":
            number = len(messages)
        case "RECENT":
            number = 0
        case "UIDNEXT":
            number = folder.uid_next
        case "UIDVALIDITY":
            number = folder.uid_validity
        case "UNSEEN":
            number = sum("\\Seen" not in message.flags for message in messages)
        case "SIZE":
            number = sum(len(wire.crlf(message.raw)) for message in messages)
        case _:
            raise BadCommand(f"Invalid status item {item[:40]}")
    return f"{item} {number}".encode()


def select(session: Session, words: list[Token]) -> Reply:
    """SELECT folder."""
    return _open(session, words, is_read_only=False)


def examine(session: Session, words: list[Token]) -> Reply:
    """EXAMINE folder: nothing that follows changes it."""
    return _open(session, words, is_read_only=True)


def _open(session: Session, words: list[Token], *, is_read_only: bool) -> Reply:
    closed = ["OK [CLOSED] Previous mailbox closed."] if session.selected else []
    # RFC 3501 6.3.1: a SELECT that fails leaves nothing selected.
    session.selected = None
    folder = _readable(session, _one(words))
    view = Selected(folder, is_read_only, list(folder.messages))
    session.selected = view
    lines = [*closed, *_flags_of(folder, is_read_only=is_read_only)]
    lines += [f"{len(view.uids)} EXISTS", "0 RECENT", *_first_unseen(view)]
    lines.append(f"OK [UIDVALIDITY {folder.uid_validity}] UIDs valid")
    lines.append(f"OK [UIDNEXT {folder.uid_next}] Predicted next UID")
    done = "[READ-ONLY] Examine completed." if is_read_only else "[READ-WRITE] Select completed."
    return Reply(done, tuple(line.encode() for line in lines))


def _flags_of(folder: Folder, *, is_read_only: bool) -> list[str]:
    used = {flag for message in folder.messages.values() for flag in message.flags}
    known = " ".join([SYSTEM_FLAGS, *sorted(flag for flag in used if not flag.startswith("\\"))])
    if is_read_only:
        return [f"FLAGS ({known})", "OK [PERMANENTFLAGS ()] Read-only mailbox."]
    return [f"FLAGS ({known})", f"OK [PERMANENTFLAGS ({known} \\*)] Flags permitted."]


def _first_unseen(view: Selected) -> list[str]:
    unseen = (c.sequence for c in view.candidates() if "\\Seen" not in c.message.flags)
    first = next(unseen, None)
    return [] if first is None else [f"OK [UNSEEN {first}] First unseen."]


def _readable(session: Session, name: str) -> Folder:
    folder = session.folder(name)
    if name in session.owner().unreadable:
        raise No("[NOPERM] Permission denied")
    return folder


def unselect(session: Session, _words: list[Token]) -> Reply:
    """UNSELECT: close without expunging."""
    session.view()
    session.selected = None
    return Reply("Unselect completed.")


def close(session: Session, _words: list[Token]) -> Reply:
    """CLOSE: expunge without saying so, and deselect."""
    view = session.view()
    if not view.is_read_only:
        for candidate in view.candidates():
            if "\\Deleted" in candidate.message.flags:
                del view.folder.messages[candidate.message.uid]
    session.selected = None
    return Reply("Close completed.")


def create(session: Session, words: list[Token]) -> Reply:
    """CREATE folder."""
    owner = session.owner()
    # RFC 3501 6.3.3: a trailing separator only says that children will follow.
    name = _one(words).rstrip(owner.separator)
    if not name or any(not level for level in owner.levels(name)):
        raise No("[CANNOT] Invalid mailbox name")
    if name in owner.store.folders:
        raise No("[ALREADYEXISTS] Mailbox already exists.")
    owner.store.folder(name)
    return Reply("Create completed.")


def delete(session: Session, words: list[Token]) -> Reply:
    """DELETE folder; its children stay."""
    name = _one(words)
    if name == INBOX:
        raise No("INBOX can't be deleted.")
    session.folder(name, code="[NONEXISTENT] ")
    del session.owner().store.folders[name]
    return Reply("Delete completed.")


def rename(session: Session, words: list[Token]) -> Reply:
    """RENAME folder new-name, children included; a parent that only its children imply can be renamed too."""
    old, new = _two(words)
    owner = session.owner()
    moved = [n for n in owner.store.folders if n == old or n.startswith(old + owner.separator)]
    if not moved:
        session.folder(old, code="[NONEXISTENT] ")
    if new in owner.store.folders:
        raise No("[ALREADYEXISTS] Target mailbox already exists.")
    for name in sorted(moved):
        folder = owner.store.folders.pop(name)
        folder.name = new + name[len(old) :]
        owner.store.folders[folder.name] = folder
    # RFC 3501 6.3.5: renaming INBOX moves its mail and leaves an empty INBOX.
    owner.store.folder(INBOX)
    return Reply("Rename completed.")


def subscribe(session: Session, words: list[Token]) -> Reply:
    """SUBSCRIBE folder."""
    session.owner().subscribed.add(_one(words))
    return Reply("Subscribe completed.")


def unsubscribe(session: Session, words: list[Token]) -> Reply:
    """UNSUBSCRIBE folder."""
    session.owner().subscribed.discard(_one(words))
    return Reply("Unsubscribe completed.")


def _one(words: list[Token]) -> str:
    if len(words) != 1:
        raise BadCommand("Missing arguments")
    return folder_name(words[0])
