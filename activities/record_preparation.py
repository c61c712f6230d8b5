"""Write down how far the preparation of the tenant has come, and at its end what was made."""

from dataclasses import replace

from activities.tenant_parts import look_at, planned_objects
from bascule.domain.errors import InvariantBroken, NotYet
from bascule.domain.tenant import TenantObject
from bascule.domain.tenant_records import (
    PREPARATION,
    RECORD,
    Preparation,
    PreparationProgress,
    TenantRecord,
)
from bascule.ports.bundle import Ports

READ_BACK_WAIT_S = 30.0


def record_preparation(ports: Ports, progress: PreparationProgress) -> bool:
    """Whether it is finished. Then the tenant as it is found becomes what the guard compares with.

    Raises:
        NotYet: something that was made is not to be seen.
    """
    now_utc = ports.clock.now_utc()
    finished_utc = now_utc if progress.is_finished else None

    def change(stored: Preparation | None) -> Preparation:
        if stored is None:
            raise InvariantBroken("a preparation runs that nobody asked for")
        if stored.finished_utc is not None and progress.is_finished:
            return stored
        return replace(
            stored, parts=progress.parts, detail=progress.detail, finished_utc=finished_utc
        )

    if not progress.is_finished:
        ports.documents.amend(PREPARATION, Preparation, change)
        return False
    objects = _found(ports)
    asked_by = ports.documents.amend(PREPARATION, Preparation, change).asked_by
    ports.documents.amend(RECORD, TenantRecord, lambda _: TenantRecord(objects, now_utc, asked_by))
    return True


def _found(ports: Ports) -> tuple[TenantObject, ...]:
    objects: list[TenantObject] = []
    for wanted, found in look_at(ports, planned_objects(ports)):
        if found is None:
            raise NotYet(READ_BACK_WAIT_S, f"{wanted.name} is not to be seen any more")
        objects.append(found)
    return tuple(objects)
