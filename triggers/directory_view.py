"""How the directory's state looks over HTTP."""

import json
from typing import Any

from activities.directory_store import REPORT_PATH, awaited_people, refusals_of
from bascule.domain.codec import encode
from bascule.domain.directory_objects.records import DirectoryHead
from bascule.ports.bundle import Ports


def head_view(ports: Ports, head: DirectoryHead) -> dict[str, Any]:
    """Files in force, how far their application has come, who is awaited, and the last report."""
    report = ports.blobs.read_report(REPORT_PATH)
    return {
        "state": "under way" if head.is_under_way else "settled" if head.settled_utc else "kept",
        "fingerprint": head.fingerprint,
        "uploaded_utc": encode(head.uploaded_utc),
        "uploaded_by": head.uploaded_by,
        "asked_utc": encode(head.asked_utc),
        "asked_by": head.asked_by,
        "round": head.round_number,
        "dealt_with": head.position,
        "changes": head.change_count,
        "done": head.done,
        "refused": refusals_of(ports),
        "waiting": sorted(awaited_people(ports)),
        "report": None if report is None else json.loads(report),
    }
