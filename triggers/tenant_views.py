"""What the API says of the tenant: how far it is prepared, and whether it is still so."""

from datetime import datetime
from typing import Any

from activities.tenant_parts import GuardState, guard_state
from bascule.domain.readiness import Check, Light
from bascule.domain.tenant import Difference
from bascule.domain.tenant_records import (
    DRIFT,
    PREPARATION,
    RECORD,
    Drift,
    Finding,
    PartProgress,
    Preparation,
    TenantRecord,
)
from bascule.ports.bundle import Ports


def tenant_view(ports: Ports) -> dict[str, Any]:
    """Preparation, record and guard."""
    preparation = ports.documents.find(PREPARATION, Preparation)
    record = ports.documents.find(RECORD, TenantRecord)
    drift = ports.documents.find(DRIFT, Drift) or Drift()
    return {
        "preparation": None if preparation is None else _preparation(preparation),
        "recorded_utc": _instant(record.recorded_utc) if record else None,
        "recorded_by": record.recorded_by if record else None,
        "guard": _guard(drift, ports.clock.now_utc())
        if record
        else {"state": GuardState.NOT_PREPARED},
    }


def check_view(check: Check) -> dict[str, Any]:
    """One line of the readiness list."""
    page = check.page if check.light is Light.RED else ""
    return {"check": check.name, "light": check.light.value, "told": check.told, "page": page}


def difference_view(difference: Difference) -> dict[str, Any]:
    """One difference."""
    return {
        "part": difference.part.value,
        "name": difference.name,
        "setting": difference.setting,
        "wanted": difference.wanted,
        "found": difference.found,
        "endangers_routing": difference.endangers_routing,
    }


def _preparation(preparation: Preparation) -> dict[str, Any]:
    return {
        "asked_by": preparation.asked_by,
        "asked_utc": _instant(preparation.asked_utc),
        "is_repair": preparation.is_repair,
        "finished_utc": _instant(preparation.finished_utc),
        "refused_utc": _instant(preparation.refused_utc),
        "detail": preparation.detail,
        "parts": [_part(part) for part in preparation.parts],
    }


def _part(part: PartProgress) -> dict[str, Any]:
    ref = part.ref
    return {"part": ref.part, "name": ref.name, "state": part.state, "detail": part.detail}


def _guard(drift: Drift, now_utc: datetime) -> dict[str, Any]:
    return {
        "state": guard_state(drift, now_utc),
        "looked_utc": _instant(drift.looked_utc),
        "unknown_since_utc": _instant(drift.unknown_since_utc),
        "unknown_why": drift.unknown_why,
        "holds_cutovers": bool(drift.danger),
        "findings": [_finding(finding) for finding in drift.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {**difference_view(finding.difference), "since_utc": _instant(finding.since_utc)}


def _instant(instant_utc: datetime | None) -> str | None:
    return instant_utc.isoformat() if instant_utc else None
