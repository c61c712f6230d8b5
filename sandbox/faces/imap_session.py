"""One client's conversation: who is logged in, what is selected, and what the client has been told.

not authenticated --LOGIN/AUTHENTICATE--> authenticated <--SELECT/CLOSE--> selected --LOGOUT--> over
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sandbox.faces.imap_grammar import BadCommand, No
from sandbox.faces.imap_names import encode_name
from sandbox.faces.imap_search import Candidate
from sandbox.world.mail import Folder
from sandbox.world.source import SourceMailbox
from sandbox.world.world import World


@dataclass(frozen=True)
class Reply:
    """What one command answers: untagged lines without CRLF, then the text after `TAG OK`."""

    done: str
    untagged: Iterable[bytes] = ()


@dataclass
class Selected:
    """The folder in view: its messages by the sequence numbers that the client knows."""

    folder: Folder
    is_read_only: bool
    uids: list[int] = field(default_factory=list)

    def candidates(self) -> list[Candidate]:
        """Every message in view that still exists."""
        held = self.folder.messages
        return [Candidate(n, held[u]) for n, u in enumerate(self.uids, 1) if u in held]

    def news(self, *, may_expunge: bool) -> Iterator[bytes]:
        """What changed since the client was told last; the view follows.

        RFC 3501 7.4.1: no EXPUNGE during FETCH, STORE and SEARCH, whose sequence numbers it would shift.
        """
        if may_expunge:
            for sequence in range(len(self.uids), 0, -1):
                if self.uids[sequence - 1] not in self.folder.messages:
                    del self.uids[sequence - 1]
                    yield b"%d EXPUNGE" % sequence
        last = self.uids[-1] if self.uids else 0
        # UIDs only grow, so what is new stands behind what is known.
        fresh = [uid for uid in self.folder.messages if uid > last]
        if fresh:
            self.uids += fresh
            yield b"%d EXISTS" % len(self.uids)


class Session:
    """The state of one connection."""

    def __init__(self, world: World, *, is_private: bool) -> None:
        """`is_private`: nobody can listen, by TLS or because it is loopback by choice."""
        self.world = world
        self.is_private = is_private
        self.mailbox: SourceMailbox | None = None
        self.selected: Selected | None = None
        self.is_over = False

    def owner(self) -> SourceMailbox:
        """The mailbox of the logged-in user."""
        if self.mailbox is None:
            raise BadCommand("Please login first.")
        return self.mailbox

    def view(self) -> Selected:
        """The selected folder."""
        if self.selected is None:
            raise BadCommand("No mailbox selected.")
        return self.selected

    def folder(self, name: str, *, code: str = "") -> Folder:
        """A folder of the owner; `code` opens the refusal, such as `[TRYCREATE] `.

        Dovecot 2.3 refuses SELECT and STATUS of a missing folder without any code, so clients must not count on one.
        """
        found = self.owner().store.folders.get(name)
        if found is None:
            raise No(f"{code}Mailbox doesn't exist: {encode_name(name)}.")
        return found
