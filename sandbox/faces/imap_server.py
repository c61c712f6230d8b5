"""The source's IMAP server over the simulated world, as Dovecot would answer.

Written for this sandbox and not taken from a library: pymap's last release is of April 2024, and Twisted's server
would bring a second event loop. Speaks RFC 3501 with SASL-IR, LITERAL+, ID, NAMESPACE, CHILDREN, UIDPLUS, UNSELECT
and STATUS=SIZE; no IDLE, no CONDSTORE, no LIST-EXTENDED.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from enum import StrEnum

from sandbox.faces import imap_folders as folders
from sandbox.faces import imap_login as logins
from sandbox.faces import imap_messages as messages
from sandbox.faces.imap_grammar import Atom, BadCommand, No, Token, literal_mark, text, tokens
from sandbox.faces.imap_session import Reply, Session
from sandbox.world.world import World

# RFC 2683 3.2.1.5 advises servers to take lines of 8000 octets; long UID sets are longer.
LINE_BYTES_MAX = 256 * 1024

# Exchange Online's own ceiling for a message; nothing larger can matter to a migration.
LITERAL_BYTES_MAX = 150 * 1024 * 1024

# A command has one literal, an APPEND with odd names has two or three.
LITERALS_MAX = 10

# RFC 3501 5.4: the autologout timer must be at least 30 minutes.
IDLE_S = 30 * 60

# After this many answers the writer waits until the client has read them.
DRAIN_EVERY_BYTES = 256 * 1024

Handler = Callable[[Session, list[Token]], Reply]

HANDLERS: dict[str, Handler] = {
    "NOOP": logins.noop,
    "CHECK": logins.noop,
    "LOGOUT": logins.logout,
    "ID": logins.identify,
    "NAMESPACE": logins.namespace,
    "LOGIN": logins.login,
    "LIST": folders.list_folders,
    "LSUB": folders.list_subscribed,
    "STATUS": folders.status,
    "SELECT": folders.select,
    "EXAMINE": folders.examine,
    "UNSELECT": folders.unselect,
    "CLOSE": folders.close,
    "CREATE": folders.create,
    "DELETE": folders.delete,
    "RENAME": folders.rename,
    "SUBSCRIBE": folders.subscribe,
    "UNSUBSCRIBE": folders.unsubscribe,
    "APPEND": messages.append,
    "FETCH": messages.fetch,
    "SEARCH": messages.search,
    "STORE": messages.store,
    "COPY": messages.copy,
    "EXPUNGE": messages.expunge,
    "UID FETCH": lambda session, words: messages.fetch(session, words, by_uid=True),
    "UID SEARCH": lambda session, words: messages.search(session, words, by_uid=True),
    "UID STORE": lambda session, words: messages.store(session, words, by_uid=True),
    "UID COPY": lambda session, words: messages.copy(session, words, by_uid=True),
    "UID EXPUNGE": lambda session, words: messages.expunge(session, words, by_uid=True),
}

# A lost answer to one of these leaves the client not knowing whether it was done.
WITH_EFFECT = frozenset(
    {"APPEND", "COPY", "EXPUNGE", "STORE", "UID COPY", "UID EXPUNGE", "UID STORE"}
)

# Sequence numbers must not shift under the client's feet here: RFC 3501 7.4.1.
WITHOUT_EXPUNGE = frozenset({"FETCH", "SEARCH", "STORE"})


class Security(StrEnum):
    """How the connection is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    SSL = "ssl"


class ImapServer:
    """Listens for the source's IMAP clients."""

    def __init__(
        self, world: World, security: Security = Security.NONE, tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls` is needed unless security is none."""
        self._world = world
        self._security = security
        self._tls = tls
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int = 0) -> asyncio.Server:
        """Listen; port 0 picks a free one."""
        tls = self._tls if self._security is Security.SSL else None
        return await asyncio.start_server(self._accept, host, port, ssl=tls, limit=LINE_BYTES_MAX)

    async def hang_up(self) -> None:
        """End every conversation that is still open."""
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        if talk is not None:
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)
        session = Session(self._world, is_private=self._security is not Security.STARTTLS)
        connection = _Connection(session, reader, writer, self._starttls_context())
        odds = self._world.weather.source_unreachable_probability
        try:
            if not self._world.source_strikes("source IMAP before", odds):
                await connection.converse()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            pass  # the client left, fell silent or sent a line without end: there is nobody to tell
        finally:
            writer.close()

    def _starttls_context(self) -> ssl.SSLContext | None:
        return self._tls if self._security is Security.STARTTLS else None


class _Connection:
    """Reads commands, has them handled, writes answers."""

    def __init__(
        self,
        session: Session,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        starttls: ssl.SSLContext | None,
    ) -> None:
        self._session = session
        self._reader = reader
        self._writer = writer
        self._starttls = starttls

    @property
    def _offers_tls(self) -> bool:
        return self._starttls is not None and not self._session.is_private

    async def converse(self) -> None:
        """Answer until the client logs out."""
        await self._send(logins.greeting(self._session, offers_tls=self._offers_tls))
        while not self._session.is_over:
            pieces = await self._command()
            tag, _, rest = pieces[0].partition(b" ")
            if not tag or not rest:
                await self._send(b"* BAD Error in IMAP command: Missing tag or command")
                continue
            try:
                await self._answer(tag, [rest, *pieces[1:]])
            except No as refused:
                await self._send(tag + b" NO " + str(refused).encode())
            except BadCommand as problem:
                await self._send(tag + b" BAD Error in IMAP command: " + str(problem).encode())

    async def _command(self) -> list[bytes]:
        """One whole command: a line, then for each literal its octets and the line's rest."""
        pieces = [await self._line()]
        for _ in range(LITERALS_MAX):
            mark = literal_mark(pieces[-1])
            if mark is None:
                return pieces
            if mark.size_bytes > LITERAL_BYTES_MAX:
                raise ConnectionAbortedError("literal too large")
            if mark.waits:
                await self._send(b"+ OK")
            pieces.append(await self._reader.readexactly(mark.size_bytes))
            pieces.append(await self._line())
        raise ConnectionAbortedError("too many literals")

    async def _line(self) -> bytes:
        async with asyncio.timeout(IDLE_S):
            line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError
        return line.rstrip(b"\r\n")

    async def _answer(self, tag: bytes, pieces: list[bytes]) -> None:
        words = tokens(pieces)
        verb = text(words[0]).upper() if words and isinstance(words[0], Atom) else ""
        if verb == "CAPABILITY":
            offered = logins.capabilities(self._session, offers_tls=self._offers_tls)
            await self._send(b"* CAPABILITY " + offered.encode())
            await self._send(tag + b" OK Capability completed.")
        elif verb == "STARTTLS":
            await self._begin_tls(tag)
        else:
            words = words[1:]
            if verb == "UID" and words:
                verb = f"UID {text(words[0]).upper()}"
                words = words[1:]
            if verb == "AUTHENTICATE":
                verb, words = "LOGIN", await self._sasl(words)
            await self._handle(tag, verb, words)

    async def _handle(self, tag: bytes, verb: str, words: list[Token]) -> None:
        handler = HANDLERS.get(verb)
        if handler is None:
            raise BadCommand(f"Unknown command {verb[:40]}")
        with self._session.world.kernel.look():
            reply = handler(self._session, words)
            view = self._session.selected
            may_expunge = verb not in WITHOUT_EXPUNGE
            news = list(view.news(may_expunge=may_expunge)) if view else []
        odds = self._session.world.weather.source_lost_reply_probability
        if verb in WITH_EFFECT and self._session.world.source_strikes("source IMAP after", odds):
            raise ConnectionAbortedError("the weather took the answer")
        await self._send_all(reply.untagged)
        await self._send_all(news)
        await self._send(tag + b" OK " + reply.done.encode())

    async def _sasl(self, words: list[Token]) -> list[Token]:
        """The user name and password of AUTHENTICATE PLAIN, asked for when they did not come along."""
        if not words or text(words[0]).upper() != "PLAIN":
            raise No("Unsupported authentication mechanism.")
        if len(words) > 1:
            answer = text(words[1]).encode()
        else:
            await self._send(b"+ ")
            answer = await self._line()
        if answer == b"*":
            raise BadCommand("Authentication aborted")
        return [part.encode() for part in logins.credentials(answer)]

    async def _begin_tls(self, tag: bytes) -> None:
        if self._starttls is None or self._session.is_private:
            raise BadCommand("TLS support isn't enabled or TLS is on already")
        await self._send(tag + b" OK Begin TLS negotiation now.")
        await self._writer.start_tls(self._starttls)
        self._session.is_private = True

    async def _send_all(self, lines: Iterable[bytes]) -> None:
        waiting = 0
        for line in lines:
            self._writer.write(b"* " + line + b"\r\n")
            waiting += len(line)
            if waiting > DRAIN_EVERY_BYTES:
                await self._writer.drain()
                waiting = 0

    async def _send(self, line: bytes) -> None:
        self._writer.write(line + b"\r\n")
        await self._writer.drain()
