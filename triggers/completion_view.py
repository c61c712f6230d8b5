"""How the completion of the tenant looks over HTTP: what is true, what is waited for, and who holds it up."""

from typing import Any

from activities.alias_addresses import known_to_alias_map_alone
from activities.completion_gate import completion_of, unproven
from activities.file_completion import REPORT_PATH
from activities.watch_dns import DIFFERENCE_PATH
from bascule.domain.codec import encode
from bascule.domain.completion import (
    NAMED_COUNT_MAX,
    REVERSIBLE,
    CompletionRecord,
    Phase,
    Word,
    lowered_wait_s,
    shown_wait_s,
)
from bascule.domain.errors import BasculeError
from bascule.ports.bundle import Ports
from triggers.views import report

NOT_BEGUN = "not_begun"


def completion_view(ports: Ports) -> dict[str, Any]:
    """Where it stands; before it is begun, who would hold it up."""
    record = completion_of(ports)
    found = unproven(ports, finally_=record is not None)
    view: dict[str, Any] = {
        "phase": record.phase.value if record else NOT_BEGUN,
        "awaited_word": _awaited(record),
        "unproven": {"count": found.count, "named": list(found.named)},
        "closed_to_uploads": record is not None and record.is_closed,
    }
    if record is None or record.phase in REVERSIBLE:
        # Afterwards the tenant takes the domains for its own, and the map may be switched off.
        view["only_in_alias_map"] = _only_in_alias_map(ports)
    return view if record is None else view | _details(ports, record)


def _only_in_alias_map(ports: Ports) -> dict[str, Any]:
    """Whose mail will be refused: how many, and some by name; or why nobody can say."""
    try:
        found = known_to_alias_map_alone(ports)
    except BasculeError as error:
        return {"unknown_why": str(error)}
    return {"count": len(found), "named": list(found[:NAMED_COUNT_MAX])}


def _awaited(record: CompletionRecord | None) -> str | None:
    if record is None:
        return Word.BEGIN.value
    return record.awaited_word.value if record.awaited_word else None


def _details(ports: Ports, record: CompletionRecord) -> dict[str, Any]:
    now_utc = ports.clock.now_utc()
    zone = ports.blobs.read_report(DIFFERENCE_PATH)
    return {
        "phase_since_utc": encode(record.phase_since_utc),
        "words": [
            {"word": given.word.value, "by": given.by, "at_utc": encode(given.at_utc)}
            for given in record.words
        ],
        "looked_utc": encode(record.looked_utc),
        "findings": list(record.findings),
        "ttl_wait_s": _ttl_wait_s(
            record, lowered_wait_s(record, now_utc), shown_wait_s(record, now_utc)
        ),
        "zone_difference": zone.decode().splitlines() if zone else [],
        "report": report(ports, REPORT_PATH) if record.phase is Phase.COMPLETE else None,
    }


def _ttl_wait_s(
    record: CompletionRecord, lowered_s: float | None, shown_s: float | None
) -> float | None:
    """Seconds until others have forgotten what they remember; None when that is not what is waited for."""
    return {Phase.LOWERING: lowered_s, Phase.CHANGING: shown_s}.get(record.phase)
