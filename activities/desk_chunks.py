"""Where desks are kept: in documents of some twenty each, however much a batch grows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bascule.domain.errors import InvariantBroken
from bascule.domain.records import BatchRecord
from bascule.domain.workstations import (
    LEVEL_COUNT_MAX,
    Desk,
    DeskChange,
    DeskChunk,
    DeskChunks,
    changed,
    children,
    chunk_count,
    chunk_name,
    chunk_of,
    chunks_name,
    level_count,
)
from bascule.ports.bundle import Ports


def document_count(ports: Ports, batch: str) -> int:
    """Of how many documents the desks of a batch are read at least; one that has grown has some more."""
    chunks = ports.documents.find(chunks_name(batch), DeskChunks)
    return chunks.count if chunks else 0


def desks_of(ports: Ports, batch: str) -> dict[str, Desk]:
    """{mailbox key: desk} of everybody of whom something is known."""
    chunks = ports.documents.find(chunks_name(batch), DeskChunks)
    desks: dict[str, Desk] = {}
    numbers: Sequence[int] = range(chunks.count if chunks else 0)
    for level in range(LEVEL_COUNT_MAX):
        following: list[int] = []
        for number in numbers:
            chunk = ports.documents.find(chunk_name(batch, number, level), DeskChunk)
            if chunk is None:
                continue
            desks |= chunk.desks
            if chunk.is_full and chunks:
                following += children(number, chunks.count, level)
        numbers = following
    return desks


def change_desks(
    ports: Ports, batch: BatchRecord, changes: Mapping[str, DeskChange]
) -> dict[str, Desk]:
    """Change desks by mailbox key; the desks as they are now. One write for each chunk that changes."""
    count = _settled_count(ports, batch)
    left = dict(changes)
    after: dict[str, Desk] = {}
    frozen: dict[str, Desk] = {}
    for level in range(LEVEL_COUNT_MAX):
        for number, mine in _grouped(left, level_count(count, level)).items():
            name = chunk_name(batch.name, number, level)
            chunk = _amend(ports, name, mine, frozen)
            here = {key: chunk.desks[key] for key in mine if key in chunk.desks}
            (frozen if chunk.is_frozen else after).update(here)
        left = {key: change for key, change in left.items() if key not in after}
        if not left:
            return after
    raise InvariantBroken(f"{len(left)} desks of {batch.name} stand nowhere")


def _grouped(changes: Mapping[str, DeskChange], count: int) -> dict[int, dict[str, DeskChange]]:
    groups: dict[int, dict[str, DeskChange]] = defaultdict(dict)
    for key in sorted(changes):
        groups[chunk_of(key, count)][key] = changes[key]
    return groups


def _amend(
    ports: Ports, name: str, changes: Mapping[str, DeskChange], frozen: Mapping[str, Desk]
) -> DeskChunk:
    return ports.documents.amend(
        name, DeskChunk, lambda stored: changed(stored or DeskChunk(), changes, frozen)
    )


def _settled_count(ports: Ports, batch: BatchRecord) -> int:
    """The number of chunks at the first level, settled by whoever comes first."""
    chunks = ports.documents.amend(
        chunks_name(batch.name),
        DeskChunks,
        lambda stored: stored or DeskChunks(chunk_count(batch.row_count)),
    )
    return chunks.count
