"""Commands as clients write them: atoms, strings, literals, lists. Source: RFC 3501 section 9, RFC 7888."""

import re
from dataclasses import dataclass

from sandbox.faces.imap_names import decode_name

# A client that nests deeper than this sends nonsense; the parser is recursive.
NESTING_MAX = 20

_LITERAL_MARK = re.compile(rb"\{(\d{1,10})(\+?)\}\Z")
_ATOM = re.compile(rb'[^\s()"{\x00-\x1f\x7f\[\]]+')


class BadCommand(Exception):
    """The client's line is no IMAP command; the answer is BAD with this text."""


class No(Exception):
    """The command was understood and refused; its text, with a response code in brackets, is the answer."""


class Atom(str):
    """A word without quotes; `NIL` and keywords come so."""

    __slots__ = ()


@dataclass(frozen=True)
class LiteralMark:
    """The end of a line that announces a literal."""

    size_bytes: int
    waits: bool
    """Whether the client waits for our go-ahead (no `+`)."""


Token = Atom | bytes | list["Token"]


def literal_mark(line: bytes) -> LiteralMark | None:
    """The literal that a line without its CRLF announces; None when the command ends here."""
    found = _LITERAL_MARK.search(line)
    if found is None:
        return None
    return LiteralMark(int(found[1]), waits=not found[2])


def tokens(pieces: list[bytes]) -> list[Token]:
    """The words of one command.

    `pieces` are, in turn, a line without its CRLF and the literal that it announced, and at the end a line.
    """
    return _Reader(pieces).words(0)


def text(token: Token) -> str:
    """A word or string as text.

    Raises:
        BadCommand: it is a list, or no UTF-8.
    """
    if isinstance(token, list):
        raise BadCommand("Unexpected list")
    if isinstance(token, Atom):
        return token
    try:
        return token.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise BadCommand("Invalid characters in string") from problem


def folder_name(token: Token) -> str:
    """A folder's name, decoded; INBOX in whatever case is INBOX."""
    wire = text(token)
    try:
        name = decode_name(wire)
    except ValueError as problem:
        raise No("Mailbox name is not valid mUTF-7.") from problem
    return "INBOX" if name.upper() == "INBOX" else name


class _Reader:
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._piece = 0
        self._at = 0

    @property
    def _line(self) -> bytes:
        return self._pieces[self._piece]

    def words(self, depth: int) -> list[Token]:
        if depth > NESTING_MAX:
            raise BadCommand("Too many nested lists")
        found: list[Token] = []
        while self._at < len(self._line):
            here = self._line[self._at : self._at + 1]
            if here == b" ":
                self._at += 1
            elif here == b")":
                return found
            else:
                found.append(self._word(here, depth))
        return found

    def _word(self, here: bytes, depth: int) -> Token:
        if here == b"(":
            return self._list(depth)
        if here == b'"':
            return self._quoted()
        if here == b"{":
            return self._literal()
        return self._atom()

    def _list(self, depth: int) -> list[Token]:
        self._at += 1
        inner = self.words(depth + 1)
        if self._line[self._at : self._at + 1] != b")":
            raise BadCommand("Missing ')'")
        self._at += 1
        return inner

    def _quoted(self) -> bytes:
        found = re.compile(rb'"((?:[^"\\]|\\["\\])*)"').match(self._line, self._at)
        if found is None:
            raise BadCommand("Invalid quoted string")
        self._at = found.end()
        return re.sub(rb'\\(["\\])', rb"\1", found[1])

    def _literal(self) -> bytes:
        if literal_mark(self._line[self._at :]) is None:
            raise BadCommand("Invalid literal")
        literal = self._pieces[self._piece + 1]
        self._piece, self._at = self._piece + 2, 0
        return literal

    def _atom(self) -> Atom:
        start = self._at
        while found := _ATOM.match(self._line, self._at):
            self._at = found.end()
            # BODY[HEADER.FIELDS (DATE FROM)]<0.100> is one word, spaces and all.
            if self._line[self._at : self._at + 1] == b"[":
                closed = self._line.find(b"]", self._at)
                if closed < 0:
                    raise BadCommand("Missing ']'")
                self._at = closed + 1
        if self._at == start:
            raise BadCommand("Unexpected character")
        return Atom(self._line[start : self._at].decode("utf-8", "replace"))
