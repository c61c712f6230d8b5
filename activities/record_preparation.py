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
    """Whether it was the walk for what is asked now. Finished, the tenant as it is found becomes the guard's record.

    Raises:
        NotYet: something that was made is not to be seen.
    """
    now_utc = ports.clock.now_utc()
    objects = _found(ports) if progress.is_finished else ()

    def change(stored: Preparation | None) -> Preparation:
        if stored is None:
            raise InvariantBroken("a preparation runs that nobody asked for")
        if stored.asked_utc != progress.asked_utc:
            return stored
        return replace(
            stored,
            parts=progress.parts,
            detail=progress.detail,
            finished_utc=stored.finished_utc or now_utc if progress.is_finished else None,
            refused_utc=stored.refused_utc or now_utc if progress.is_refused else None,
        )

    now = ports.documents.amend(PREPARATION, Preparation, change)
    if now.asked_utc != progress.asked_utc:
        return False
    if progress.is_finished:
        record = TenantRecord(objects, now_utc, now.asked_by)
        ports.documents.amend(RECORD, TenantRecord, lambda _: record)
    return True


def _found(ports: Ports) -> tuple[TenantObject, ...]:
    objects: list[TenantObject] = []
    for wanted, found in look_at(ports, planned_objects(ports)):
        if found is None:
            raise NotYet(READ_BACK_WAIT_S, f"{wanted.name} is not to be seen any more")
        objects.append(found)
    return tuple(objects)
