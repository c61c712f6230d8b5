"""Commands about messages. Source: RFC 3501 sections 6.3.11 and 6.4, RFC 4315 (UIDPLUS)."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from sandbox.faces import imap_wire as wire
from sandbox.faces.imap_fetch import Item, items_of
from sandbox.faces.imap_grammar import Atom, BadCommand, No, Token, folder_name, text
from sandbox.faces.imap_search import BadCharset, Candidate, Numbers, search_test
from sandbox.faces.imap_session import Reply, Selected, Session

FLAGS_ITEM = Atom("FLAGS")

DELETED = "\\Deleted"


def append(session: Session, words: list[Token]) -> Reply:
    """APPEND folder [flags] [date] literal."""
    if not 2 <= len(words) <= 4 or not isinstance(words[-1], bytes):
        raise BadCommand("Invalid arguments")
    folder = session.folder(folder_name(words[0]), code="[TRYCREATE] ")
    flags: frozenset[str] = frozenset()
    when_utc = session.world.kernel.now_utc().replace(microsecond=0)
    for word in words[1:-1]:
        if isinstance(word, list):
            flags = frozenset(text(flag) for flag in word)
        else:
            when_utc = wire.read_date_time(text(word))
    if not words[-1]:
        raise No("Can't save a zero byte message")
    stored = folder.add(words[-1], flags, when_utc)
    return Reply(f"[APPENDUID {folder.uid_validity} {stored.uid}] Append completed.")


def fetch(session: Session, words: list[Token], *, by_uid: bool = False) -> Reply:
    """FETCH set items."""
    view = session.view()
    if len(words) != 2:
        raise BadCommand("Missing arguments")
    items = items_of(words[1], with_uid=by_uid)
    chosen = _chosen(view, words[0], by_uid=by_uid)
    if any(item.sets_seen for item in items) and not view.is_read_only:
        unseen = {c.message.uid for c in chosen if "\\Seen" not in c.message.flags}
        chosen = [_reflagged(view, each, each.message.flags | {"\\Seen"}) for each in chosen]
        return Reply("Fetch completed.", _answers(chosen, items, unseen))
    return Reply("Fetch completed.", _answers(chosen, items))


def _answers(
    chosen: list[Candidate], items: list[Item], reflagged: Collection[int] = ()
) -> Iterator[bytes]:
    """One line a message, made as it is sent: a whole mailbox does not stand in memory.

    The messages whose UIDs are `reflagged` answer their new flags first, asked for or not.
    """
    flags = items_of(FLAGS_ITEM)
    for candidate in chosen:
        asked = [*flags, *items] if candidate.message.uid in reflagged else items
        parts = b" ".join(item.answer(candidate.message) for item in asked)
        yield b"%d FETCH (%s)" % (candidate.sequence, parts)


def search(session: Session, words: list[Token], *, by_uid: bool = False) -> Reply:
    """SEARCH keys."""
    view = session.view()
    numbers = Numbers(list(range(1, len(view.uids) + 1)), view.uids)
    try:
        test = search_test(words, numbers)
    except BadCharset as problem:
        raise No("[BADCHARSET] Unknown charset.") from problem
    found = [c for c in view.candidates() if test(c)]
    shown = [str(c.message.uid if by_uid else c.sequence) for c in found]
    return Reply("Search completed.", (" ".join(["SEARCH", *shown]).encode(),))


def store(session: Session, words: list[Token], *, by_uid: bool = False) -> Reply:
    """STORE set [+-]FLAGS[.SILENT] flags."""
    view = session.view()
    if len(words) < 3:
        raise BadCommand("Missing arguments")
    how = text(words[1]).upper()
    given = words[2] if isinstance(words[2], list) else words[2:]
    flags = frozenset(text(flag) for flag in given)
    verb = how.removesuffix(".SILENT")
    if verb not in {"FLAGS", "+FLAGS", "-FLAGS"}:
        raise BadCommand("Invalid flags")
    chosen = _chosen(view, words[0], by_uid=by_uid)
    if view.is_read_only:
        return Reply("Store ignored with read-only mailbox.")
    changed = [
        _reflagged(view, each, _combined(verb, each.message.flags, flags)) for each in chosen
    ]
    if how.endswith(".SILENT"):
        return Reply("Store completed.")
    return Reply("Store completed.", _answers(changed, items_of(FLAGS_ITEM, with_uid=by_uid)))


def _combined(verb: str, old: frozenset[str], given: frozenset[str]) -> frozenset[str]:
    match verb[0]:
        case "+":
            return old | given
        case "-":
            return old - given
    return given


def _reflagged(view: Selected, candidate: Candidate, flags: frozenset[str]) -> Candidate:
    message = replace(candidate.message, flags=flags)
    view.folder.messages[message.uid] = message
    return replace(candidate, message=message)


def copy(session: Session, words: list[Token], *, by_uid: bool = False) -> Reply:
    """COPY set folder; flags and INTERNALDATE go along."""
    view = session.view()
    if len(words) != 2:
        raise BadCommand("Missing arguments")
    target = session.folder(folder_name(words[1]), code="[TRYCREATE] ")
    chosen = _chosen(view, words[0], by_uid=by_uid)
    if not chosen:
        return Reply("No messages found.")
    old = [c.message for c in chosen]
    new = [target.add(m.raw, m.flags, m.internal_utc) for m in old]
    uids = [",".join(str(message.uid) for message in group) for group in (old, new)]
    return Reply(f"[COPYUID {target.uid_validity} {uids[0]} {uids[1]}] Copy completed.")


def expunge(session: Session, words: list[Token], *, by_uid: bool = False) -> Reply:
    """EXPUNGE; UID EXPUNGE set touches only those named."""
    view = session.view()
    if bool(words) != by_uid:
        raise BadCommand("Invalid arguments")
    chosen = _chosen(view, words[0], by_uid=True) if by_uid else view.candidates()
    for candidate in chosen:
        if DELETED in candidate.message.flags and not view.is_read_only:
            del view.folder.messages[candidate.message.uid]
    return Reply("Expunge completed.")


def _chosen(view: Selected, asked: Token, *, by_uid: bool) -> list[Candidate]:
    known = view.uids if by_uid else list(range(1, len(view.uids) + 1))
    written = text(asked)
    wanted = set(wire.numbers_in(written, known))
    # A sequence number that is not there is the client's mistake; a UID that is not there may have been expunged.
    if not by_uid and not wanted:
        raise BadCommand("Invalid messageset")
    return [c for c in view.candidates() if (c.message.uid if by_uid else c.sequence) in wanted]
