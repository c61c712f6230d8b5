"""Where the directory's files, lists and reports are kept, and how they are read back."""

import hashlib
import json
from collections.abc import Iterable, Iterator

from bascule.domain.codec import decode, encode
from bascule.domain.directory_objects.changes import Change, Difference
from bascule.domain.directory_objects.records import (
    DIRECTORY,
    HEAD,
    REFUSALS,
    WAITING_EACH_MAX,
    WAITING_PREFIX,
    AwaitedPeople,
    ChangeList,
    DirectoryHead,
    Refusals,
)
from bascule.domain.directory_objects.values import WantedDirectory
from bascule.domain.errors import InvariantBroken
from bascule.domain.records import JournalEntry
from bascule.ports.bundle import Ports

# Enough of a digest to tell any two uploads or lists apart.
DIGEST_LENGTH = 16
# A step does a tenth of a page: a list of twenty thousand changes is not read whole for each of them.
PAGE_SIZE = 250
# Far more than a tenant has memberships to lose by one upload.
REMOVALS_COUNT_MAX = 100_000
REPORT_PATH = f"{DIRECTORY}/report.json"


def digest_of(value: object) -> str:
    """The same for equal values, whatever the form of the file they came from."""
    text = json.dumps(encode(value), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def find_head(ports: Ports) -> DirectoryHead | None:
    """What is remembered; None before the first upload."""
    return ports.documents.find(HEAD, DirectoryHead)


def head_of(ports: Ports) -> DirectoryHead:
    """What is remembered. Raises InvariantBroken before the first upload."""
    head = find_head(ports)
    if head is None:
        raise InvariantBroken("no directory files were uploaded")
    return head


def keep_wanted(ports: Ports, wanted: WantedDirectory) -> str:
    """Keep what the files want; its fingerprint."""
    fingerprint = digest_of(wanted)
    _write(ports, _wanted_path(fingerprint), wanted)
    return fingerprint


def wanted_of(ports: Ports, fingerprint: str) -> WantedDirectory:
    """What the files of that fingerprint want. Raises InvariantBroken when they are gone."""
    content = ports.blobs.read_report(_wanted_path(fingerprint))
    if content is None:
        raise InvariantBroken(f"the directory files {fingerprint} are gone")
    return decode(WantedDirectory, json.loads(content))


def keep_changes(ports: Ports, changes: tuple[Change, ...]) -> str:
    """Keep the changes of one round, in pages; the id of the list."""
    plan_id = digest_of(changes)
    for first in range(0, len(changes), PAGE_SIZE):
        page = ChangeList(plan_id, changes[first : first + PAGE_SIZE])
        _write(ports, _changes_path(plan_id, first), page)
    return plan_id


def changes_from(ports: Ports, plan_id: str, position: int) -> tuple[Change, ...]:
    """Changes of a list from this position to the end of its page. Raises InvariantBroken when they are gone."""
    first = position - position % PAGE_SIZE
    content = ports.blobs.read_report(_changes_path(plan_id, first))
    if content is None:
        raise InvariantBroken(f"the list of changes {plan_id} is gone")
    return decode(ChangeList, json.loads(content)).changes[position - first :]


def is_agreed(ports: Ports, removals: tuple[Change, ...], agreed: str) -> bool:
    """Whether these are the removals of that digest, or what is left of them; the whole list is kept when it is seen."""
    if not (removals and agreed):
        return False
    if digest_of(removals) == agreed:
        keep_changes(ports, removals)
        return True
    kept = ports.blobs.read_report(_changes_path(agreed, 0))
    return kept is not None and set(removals) <= set(_all_changes(ports, agreed))


def _all_changes(ports: Ports, plan_id: str) -> Iterator[Change]:
    for first in range(0, REMOVALS_COUNT_MAX, PAGE_SIZE):
        content = ports.blobs.read_report(_changes_path(plan_id, first))
        if content is None:
            return
        yield from decode(ChangeList, json.loads(content)).changes


def keep_awaited(ports: Ports, addresses: Iterable[str]) -> None:
    """Keep who is awaited, in chunks; chunks that are no longer needed go."""
    people = tuple(sorted(set(addresses)))
    chunks = [
        people[first : first + WAITING_EACH_MAX]
        for first in range(0, len(people), WAITING_EACH_MAX)
    ]
    names = [f"{WAITING_PREFIX}{number:05d}" for number in range(len(chunks))]
    for name, chunk in zip(names, chunks, strict=True):
        awaited = AwaitedPeople(chunk)
        ports.documents.amend(name, AwaitedPeople, lambda _, awaited=awaited: awaited)  # type: ignore[misc]
    for name in set(ports.documents.names(WAITING_PREFIX)) - set(names):
        ports.documents.remove(name)


def awaited_people(ports: Ports) -> frozenset[str]:
    """Everybody who is awaited."""
    chunks = (
        ports.documents.find(name, AwaitedPeople) for name in ports.documents.names(WAITING_PREFIX)
    )
    return frozenset(address for chunk in chunks if chunk for address in chunk.addresses)


def difference_view(difference: Difference) -> dict[str, object]:
    """A difference as people and programs read it."""
    return {
        "changes": [change_view(each) for each in difference.changes],
        "removals": [change_view(each) for each in difference.removals],
        "removals_digest": digest_of(difference.removals) if difference.removals else "",
        "waiting": [{"address": each.address, "place": each.place} for each in difference.waiting],
        "blocked": [{"address": each.address, "why": each.why} for each in difference.blocked],
    }


def change_view(change: Change) -> dict[str, str]:
    """One change, without its empty fields."""
    shown = {
        "change": change.deed.value,
        "address": change.address,
        "whom": change.whom,
        "right": change.right,
        "before": change.before,
        "after": change.after,
    }
    return {name: text for name, text in shown.items() if text}


def note_refusal(ports: Ports, address: str, why: str) -> None:
    """Remember what was refused, and of which object, for whoever looks."""
    ports.documents.amend(
        REFUSALS, Refusals, lambda kept: (kept or Refusals()).with_one(address, why)
    )


def refusals_of(ports: Ports) -> list[dict[str, str]]:
    """What was refused since the application was asked for."""
    kept = ports.documents.find(REFUSALS, Refusals) or Refusals()
    return [{"address": each.address, "why": each.why} for each in kept.entries]


def note_change(ports: Ports, change: Change, asked_by: str) -> None:
    """Write an effect into the journal."""
    whom = " ".join(filter(None, (change.whom, change.right)))
    ports.journal.note(
        JournalEntry(
            ports.clock.now_utc(),
            DIRECTORY,
            change.address,
            f"{change.deed} {whom}".strip(),
            change.before,
            change.after,
            asked_by,
        )
    )


def write_report(ports: Ports, content: object) -> None:
    """Write what became of the last application."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    ports.blobs.write_report(REPORT_PATH, text.encode(), "application/json")


def _write(ports: Ports, path: str, value: object) -> None:
    ports.blobs.write_report(path, json.dumps(encode(value)).encode(), "application/json")


def _wanted_path(fingerprint: str) -> str:
    return f"{DIRECTORY}/wanted-{fingerprint}.json"


def _changes_path(plan_id: str, first: int) -> str:
    return f"{DIRECTORY}/changes-{plan_id}-{first:06d}.json"
