"""Write an operator's wish into the rows of those who can take it; say why of the others."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from activities.alias_rows import bypasses_of
from bascule.domain.codes import Offence
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.requests import WishOutcome, WishRefusal, WishRequest
from bascule.domain.stages import CUT_OVER, Stage
from bascule.ports.bundle import Ports

DELTA_AGE_MAX = timedelta(hours=26)


def grant_wish(ports: Ports, request: WishRequest) -> WishOutcome:
    """At most a chunk of mailboxes; the same wish again is granted again and changes nothing."""
    granted: list[str] = []
    refused: list[WishRefusal] = []
    for key in request.keys:
        record = ports.ledger.find_mailbox(request.batch, key)
        if record is None:
            refused.append(WishRefusal(key, "it is not in this batch"))
            continue
        if why := _write(ports, request, record):
            refused.append(WishRefusal(record.address, why))
            continue
        granted.append(key)
    return WishOutcome(tuple(granted), tuple(refused))


def refusal_of(
    ports: Ports, request: WishRequest, record: MailboxRecord, mended: frozenset[str] = frozenset()
) -> str:
    """Why this mailbox cannot be asked this now; empty when it can. `mended`: offences that are there no more."""
    if request.wish is Wish.CUTOVER:
        now_utc = ports.clock.now_utc()
        offences = _unwaived(ports, request, record) - mended
        return _cutover_refusal(record, request.at_utc or now_utc, now_utc, offences)
    return REFUSALS[request.wish](record)


def _unwaived(ports: Ports, request: WishRequest, record: MailboxRecord) -> frozenset[str]:
    found = {offence.partition(":")[0] for offence in record.offences}
    return frozenset(found - {*request.waived, *record.waived, *ports.plan.survey.waived})


def _mended(ports: Ports, request: WishRequest, record: MailboxRecord) -> frozenset[str]:
    """Offences that are judged by a look and not by the survey's memory, if they are gone."""
    if request.wish is not Wish.CUTOVER:
        return frozenset()
    remembered = _unwaived(ports, request, record) & {Offence.ALIAS_BYPASSED}
    try:
        return remembered if remembered and not bypasses_of(ports, record) else frozenset()
    except (Unreachable, Refusal):
        # An alias map that does not answer mends nothing: the others must not wait for it, and this one is refused.
        return frozenset()


def _cutover_refusal(
    record: MailboxRecord, at_utc: datetime, now_utc: datetime, offences: frozenset[str]
) -> str:
    if offences:
        return f"its survey found {', '.join(sorted(offences))}; waive it or mend the source"
    if record.rollback_began_utc is not None:
        return "it is on its way back"
    if record.stage in CUT_OVER | {Stage.SET_ASIDE, Stage.ABANDONED}:
        return f"it is {record.stage}"
    return "" if at_utc > now_utc else _not_ready(record, now_utc)


def _not_ready(record: MailboxRecord, now_utc: datetime) -> str:
    if record.stage is Stage.ROLLED_BACK:
        return ""  # its sync is looked at again, and judged, before anything is turned
    if record.stage is not Stage.SYNCED:
        return f"it is {record.stage}, not yet SYNCED"
    if record.last_synced_utc is None or now_utc - record.last_synced_utc > DELTA_AGE_MAX:
        return "its last sync is older than 26 h"
    return ""


def _rollback_refusal(record: MailboxRecord) -> str:
    if not record.has_begun_cutover:
        return "its cutover has not begun"
    return "it is closed, its password destroyed" if record.closed_utc else ""


def _retry_refusal(record: MailboxRecord) -> str:
    return "" if record.stage is Stage.SET_ASIDE else f"it is {record.stage}, not set aside"


def _abandon_refusal(record: MailboxRecord) -> str:
    if record.has_begun_cutover:
        return "its cutover has begun; ask for the rollback first"
    return ""


REFUSALS: Mapping[Wish, Callable[[MailboxRecord], str]] = MappingProxyType(
    {
        Wish.ROLLBACK: _rollback_refusal,
        Wish.RETRY: _retry_refusal,
        Wish.ABANDON: _abandon_refusal,
    }
)


def _write(ports: Ports, request: WishRequest, record: MailboxRecord) -> str:
    """Write the wish unless the row, as it stands at that instant, refuses it: why, or empty.

    Judged by an older reading, a rollback could be granted to a mailbox whose password is being destroyed.
    """
    now_utc = ports.clock.now_utc()
    mended = _mended(ports, request, record)
    why = refusal_of(ports, request, record, mended)

    def change(stored: MailboxRecord) -> MailboxRecord:
        nonlocal why
        why = refusal_of(ports, request, stored, mended)
        return stored if why else _with_wish(stored, request, now_utc)

    if not why:
        ports.ledger.amend_mailbox(record.batch, record.key, change)
    return why


def _with_wish(stored: MailboxRecord, request: WishRequest, now_utc: datetime) -> MailboxRecord:
    asked = replace(stored, wish_by=request.asked_by)
    if request.wish is Wish.CUTOVER:
        waived = tuple(sorted({*stored.waived, *request.waived}))
        return replace(asked, cutover_at_utc=request.at_utc or now_utc, waived=waived)
    if request.wish is Wish.ROLLBACK:
        # Otherwise the old instant would cut it over again as soon as it is home.
        asked = replace(asked, cutover_at_utc=None)
    return replace(asked, wish=request.wish, wish_utc=now_utc)
