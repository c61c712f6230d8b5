"""The proof of completeness: every source message is in the cloud, or named with a reason; and what is there twice.

Messages are told by their Message-ID, as a multiset: two messages with one id must be there twice. One without an id
is told by its time of arrival; if the migration does not keep that, it is missing. A message counts as present where it is expected first,
then anywhere else in the mailbox, because people move mail.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bascule.domain.folders import Path
from bascule.domain.mail import MessageFacts

MISSING_SHOWN_MAX = DOUBLED_SHOWN_MAX = 200
"""A report that nobody can read through helps nobody; the count is always exact."""


@dataclass(frozen=True)
class FolderProof:
    """One source folder against the cloud."""

    folder: str
    source_count: int
    present_count: int
    moved_count: int
    """Present, but in another folder than expected."""


@dataclass(frozen=True)
class NamedException:
    """A source message that is not in the cloud, and why that is known and accepted, or not."""

    folder: str
    handle: str
    message_id: str
    reason: str


@dataclass(frozen=True)
class DoubledMessage:
    """A cloud message beyond those that the source has of it.

    Moved, renamed or renumbered at the source between two syncs, or tidied up in the cloud, a message may be copied again.
    """

    folder: str
    """In the cloud, levels parted by `/`."""
    message_id: str


@dataclass(frozen=True)
class Certificate:
    """The whole proof of one mailbox."""

    folders: tuple[FolderProof, ...]
    source_count: int
    cloud_count: int
    named: tuple[NamedException, ...]
    """Not in the cloud, with a reason: too large, in a folder that is not migrated."""
    missing: tuple[NamedException, ...]
    """Not in the cloud, without a reason: the first of them."""
    missing_count: int
    doubled: tuple[DoubledMessage, ...]
    """More often in the cloud than at the source: the first of them."""
    doubled_count: int

    @property
    def is_complete(self) -> bool:
        """Whether the mailbox may be called migrated."""
        return self.missing_count == 0


class Comparison:
    """Compares folder by folder; holds identities only, about two hundred bytes a message (`benchmarks/certificate.py`)."""

    def __init__(self, size_max_bytes: int) -> None:
        self._size_max_bytes = size_max_bytes
        self._shelves: dict[Path, _Shelf] = {}
        self._cloud_count = 0
        self._counts: dict[str, int] = {}
        self._present: Counter[str] = Counter()
        self._absent: list[_Absent] = []
        # {second of arrival: the folders that held a message for one without an id}
        self._given_by_arrival: defaultdict[int, list[Path]] = defaultdict(list)

    def add_cloud(self, path: Path, messages: Iterable[MessageFacts]) -> None:
        """Take in one cloud folder. All of them must be in before the first source folder."""
        shelf = self._shelves.setdefault(path, _Shelf())
        for message in messages:
            self._cloud_count += 1
            shelf.put(message)

    def add_source(
        self, folder: str, expected: Path, messages: Iterable[MessageFacts], *, is_migrated: bool
    ) -> None:
        """Take in one source folder; `is_migrated` is False for one the service leaves out by its rules."""
        here = self._shelves.get(expected, _Shelf())
        self._counts[folder] = 0
        for message in messages:
            self._counts[folder] += 1
            if message.message_id and here.take_id(message.message_id):
                self._present[folder] += 1
            else:
                self._absent.append(_Absent(folder, expected, message, is_migrated))

    def certificate(self) -> Certificate:
        """The verdict over everything taken in; asked once."""
        elsewhere: Counter[str] = Counter()
        # By id in other folders first: only what is left then may stand for a message without an id.
        rest = [absent for absent in self._absent if not self._found_by_id(absent, elsewhere)]
        rest = [absent for absent in rest if not self._found_by_arrival(absent, elsewhere)]
        named = [(absent, reason) for absent in rest if (reason := self._reason(absent))]
        missing = [absent for absent in rest if not self._reason(absent)]
        doubled = list(self._doubled())
        proofs = tuple(
            FolderProof(folder, count, self._present[folder], elsewhere[folder])
            for folder, count in self._counts.items()
        )
        return Certificate(
            proofs,
            sum(self._counts.values()),
            self._cloud_count,
            tuple(absent.named(reason) for absent, reason in named),
            tuple(absent.named("not found in the cloud") for absent in missing[:MISSING_SHOWN_MAX]),
            len(missing),
            tuple(doubled[:DOUBLED_SHOWN_MAX]),
            len(doubled),
        )

    def _doubled(self) -> Iterator[DoubledMessage]:
        """What is left of a message whose partner was found, wherever that was."""
        left = {message_id for _, message_id, _ in self._left()}
        given = {each for shelf in self._shelves.values() for each in shelf.given() if each in left}
        # Those in whose place one without an id was found are not left over: one for each.
        givers = {second: Counter(paths) for second, paths in self._given_by_arrival.items()}
        for path, message_id, arrivals in self._left():
            for second in arrivals:
                if message_id in given or _is_second_copy(givers.get(second), path):
                    yield DoubledMessage("/".join(path), message_id)

    def _left(self) -> Iterator[tuple[Path, str, list[int]]]:
        for path, shelf in self._shelves.items():
            for message_id, arrivals in shelf.left():
                yield path, message_id, arrivals

    def _found_by_id(self, absent: "_Absent", elsewhere: Counter[str]) -> bool:
        wanted = absent.message.message_id
        if not wanted or not any(shelf.take_id(wanted) for shelf in self._shelves.values()):
            return False
        elsewhere[absent.folder] += 1
        return True

    def _found_by_arrival(self, absent: "_Absent", elsewhere: Counter[str]) -> bool:
        if absent.message.message_id:
            return False
        second = absent.message.arrival_s
        here = self._shelves.get(absent.expected)
        if here is not None and here.take_arrival(second):
            self._present[absent.folder] += 1
            self._given_by_arrival[second].append(absent.expected)
            return True
        giver = next((path for path, s in self._shelves.items() if s.take_arrival(second)), None)
        if giver is None:
            return False
        elsewhere[absent.folder] += 1
        self._given_by_arrival[second].append(giver)
        return True

    def _reason(self, absent: "_Absent") -> str:
        if absent.message.size_bytes > self._size_max_bytes:
            return f"larger than {self._size_max_bytes} bytes"
        return "" if absent.is_migrated else "the service does not migrate this folder"


def _is_second_copy(givers: Counter[Path] | None, path: Path) -> bool:
    """Whether a message that arrived in the second of one without an id is not the one that stood for it."""
    if givers is None:
        return False
    if givers[path] <= 0:
        return True
    givers[path] -= 1
    return False


@dataclass(frozen=True)
class _Absent:
    """A source message that was not where it is expected."""

    folder: str
    expected: Path
    message: MessageFacts
    is_migrated: bool

    def named(self, reason: str) -> NamedException:
        return NamedException(self.folder, self.message.handle, self.message.message_id, reason)


class _Shelf:
    """The messages of one folder that have no partner yet, by id and by the second of their arrival.

    A mailbox has half a million of them: ids are kept as bytes, and a list only where an id comes more than once.
    """

    def __init__(self) -> None:
        # {id: when one message of that id arrived; None when it was given away}
        self._first: dict[bytes, int | None] = {}
        self._further: dict[bytes, list[int]] = {}
        self._left_by_arrival: Counter[int] | None = None
        # Of an id that was given and is there still.
        self._given_and_left: set[bytes] = set()

    def put(self, message: MessageFacts) -> None:
        key = _packed(message.message_id)
        if key in self._first:
            self._further.setdefault(key, []).append(message.arrival_s)
        else:
            self._first[key] = message.arrival_s

    def take_id(self, message_id: str) -> bool:
        key = _packed(message_id)
        if not message_id or self._first.get(key) is None:
            return False
        further = self._further.get(key)
        if further:
            further.pop()
            self._given_and_left.add(key)
        else:
            self._first[key] = None
        return True

    def given(self) -> Iterator[str]:
        """The ids of messages that found their partners here."""
        spent = (key for key, second in self._first.items() if second is None)
        return map(_unpacked, itertools.chain(spent, self._given_and_left))

    def left(self) -> Iterator[tuple[str, list[int]]]:
        """{id: seconds of arrival} of what was not taken by its id."""
        for key, second in self._first.items():
            if second is not None:
                yield _unpacked(key), [second, *self._further.get(key, ())]

    def take_arrival(self, second: int) -> bool:
        """Take a message that arrived in that second; no more ids are taken after the first of these."""
        if self._left_by_arrival is None:
            left = itertools.chain.from_iterable(seconds for _, seconds in self.left())
            self._left_by_arrival = Counter(left)
        if self._left_by_arrival[second] <= 0:
            return False
        self._left_by_arrival[second] -= 1
        return True


def _packed(message_id: str) -> bytes:
    # Old mail has ids in bytes of no encoding, which arrive here as lone surrogates.
    return message_id.encode(errors="surrogatepass")


def _unpacked(key: bytes) -> str:
    return key.decode(errors="surrogatepass")
