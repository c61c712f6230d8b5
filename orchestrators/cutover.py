"""The cutover of one mailbox: out of the group first, proven, and only then the alias.

    SYNCED     wait for the operator's instant; then leave the group, hold, and send probes inside the tenant
               (not while another alias row leads straight home: turning the address's own would not turn that one)
    DETACHED   the probes stayed in the cloud: turn the alias, read it back, and if so planned see each Postfix follow it
               (back to SYNCED first when that was long ago: out of the group, hold and probes are repeated)
    REDIRECTED

Between the two redirects mail from the tenant stays in the cloud and mail from outside arrives at the source; both
are found again by the final sync. The other way round a message could go in circles.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bascule.domain.codes import Offence
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import (
    DeltaRequest,
    MailboxView,
    MembershipQuestion,
    ProbePlace,
    ProbeWay,
    RouteExpectation,
    SwitchRequest,
)
from bascule.domain.routes import RouteSwitch
from bascule.domain.stages import Stage
from bascule.domain.survey_again import standing_offences
from orchestrators import stragglers
from orchestrators.chapters import NEXT, Pause, arrive, ref_of, remember, seconds_since
from orchestrators.probes import Sighting, probe_once
from orchestrators.steps import (
    PAUSE_MAX_S,
    Context,
    Deferred,
    Story,
    check_route,
    find_bypasses,
    find_membership,
    leave_coexistence,
    request_delta,
    see_membership,
    see_sync,
    switch_route,
)

# A synced mailbox is looked at when its daily delta should have ended: its row never shows yesterday's for long, which
# would count as late, and its story proves that it is alive.
DELTA_CYCLE_S = 24 * 3600.0
DELTA_MARGIN_S = 1800.0
# One whose delta is late is looked at again after a while that grows with the lateness.
LATE_LOOK_MIN_S = 3600.0
LATE_LOOK_MAX_S = 12 * 3600.0
LATE_LOOK_GROWTH = 0.5
# Held up at its instant: look again soon, people wait.
HELD_UP_LOOK_S = 600.0
DELTA_AGE_MAX_S = 26 * 3600.0


def wait_or_detach(context: Context, view: MailboxView) -> Story[Pause]:
    """Keep the copy fresh until the operator's instant, and fetch the stragglers of a way back; then begin."""
    if view.record.detach_began_utc is not None:
        return (yield from detach(context, view))
    look_s = stragglers.next_look_s(context, view)
    if look_s <= 0:
        return (yield from stragglers.look(context, view.record))
    record = yield from _look_at_sync(context, view)
    due_s = -seconds_since(context, record.cutover_at_utc)
    if record.cutover_at_utc is None or due_s > 0:
        wait_s = min(_next_delta_s(context, record), look_s)
        if record.cutover_at_utc is None:
            return Pause(wait_s, "a cutover")
        return Pause(min(due_s, wait_s), "the cutover's instant")
    record, bypassed_by = yield from _look_past_alias(context, view, record)
    held_up = hold_up(context, view, record)
    if held_up:
        yield from _refresh_if_late(context, record)
        return Pause(HELD_UP_LOOK_S, f"the cutover is due, but {held_up}{bypassed_by}")
    yield from remember(context, replace(record, detach_began_utc=context.current_utc_datetime))
    return NEXT


def _next_delta_s(context: Context, record: MailboxRecord) -> float:
    """How long until the next delta should have ended; if it should have already, how long until the next look."""
    late_s = seconds_since(context, record.last_synced_utc) - DELTA_CYCLE_S - DELTA_MARGIN_S
    if late_s < 0:
        return -late_s
    return min(max(late_s * LATE_LOOK_GROWTH, LATE_LOOK_MIN_S), LATE_LOOK_MAX_S)


def hold_up(context: Context, view: MailboxView, record: MailboxRecord) -> str:
    """Why this mailbox may not be cut over now; empty when it may."""
    offences = standing_offences(record, view.waived)
    if offences:
        return f"its survey is not waived: {', '.join(offences)}"
    if view.tenant_danger:
        return f"the tenant is not as it was prepared: {view.tenant_danger}"
    if record.last_synced_utc is None:
        return "it has not been synced yet"
    if seconds_since(context, record.last_synced_utc) > DELTA_AGE_MAX_S:
        return "its last sync is older than 26 h"
    return ""


def detach(context: Context, view: MailboxView) -> Story[Pause]:
    """Leave the group, see it, hold until no server can remember it, then send probes until several stayed."""
    record = yield from _out_of_group(context, view.record)
    hold_s = view.cutover.hold_s - seconds_since(context, record.left_group_utc)
    if hold_s > 0:
        return Pause(min(hold_s, PAUSE_MAX_S), "the tenant's servers to forget the group")
    sighting = yield from probe_once(context, replace(view, record=record), ProbePlace.CLOUD)
    if not isinstance(sighting, Sighting):
        return sighting
    if sighting.proven_count < view.cutover.probe_count:
        return Pause(view.cutover.probe_interval_s, "the next probe")
    proven = replace(sighting.record, probe_proven_count=0)
    return (yield from arrive(context, proven, Stage.DETACHED))


def _out_of_group(context: Context, record: MailboxRecord) -> Story[MailboxRecord]:
    """Leave the group and see it: at first, and again after a probe that went astray."""
    is_astray = record.probe_strays and not record.probe_proven_count and not record.probe_token
    if record.left_group_utc is not None and not is_astray:
        return record
    yield from _leave_group(context, record, _began_utc(context, record))
    if record.left_group_utc is not None:
        return record
    return (
        yield from remember(context, replace(record, left_group_utc=context.current_utc_datetime))
    )


def redirect(context: Context, view: MailboxView) -> Story[Pause]:
    """Turn the alias to the tenant in one compare-and-set, read it back, and see what each Postfix makes of it."""
    record = view.record
    # With a probe under way the alias is turned already; a second writing would be noted as a second change.
    if not record.probe_token and record.probe_proven_count == 0:
        ref, turned_to = ref_of(record), view.routing_address
        change = RouteSwitch(record.address, record.route_home, turned_to)
        facts = yield from switch_route(context, SwitchRequest(ref, change))
        if facts.destination == record.route_home:
            return (yield from arrive(context, replace(record, left_group_utc=None), Stage.SYNCED))
        yield from check_route(context, RouteExpectation(ref, destination=turned_to))
    # Turned at an earlier try, and put back since, it would send its own probe round.
    yield from stay_out_of_group(context, record)
    if record.probe_proven_count < view.source_probe_count:
        sighting = yield from probe_once(context, view, ProbePlace.CLOUD, ProbeWay.POSTFIX)
        if not isinstance(sighting, Sighting):
            return sighting
        if sighting.proven_count < view.source_probe_count:
            return NEXT
        record = sighting.record
    turned = replace(record, probe_proven_count=0, redirected_utc=context.current_utc_datetime)
    return (yield from arrive(context, turned, Stage.REDIRECTED))


def stay_out_of_group(context: Context, record: MailboxRecord) -> Story[None]:
    """Take a turned mailbox out of the group again if somebody has put it back: with both redirects its mail goes round."""
    if (yield from find_membership(context, ref_of(record))):
        yield from _leave_group(context, record, context.current_utc_datetime)


def _leave_group(context: Context, record: MailboxRecord, since_utc: datetime) -> Story[None]:
    ref = ref_of(record)
    yield from leave_coexistence(context, ref)
    yield from see_membership(context, MembershipQuestion(ref, False, since_utc))


def _began_utc(context: Context, record: MailboxRecord) -> datetime:
    """When it began to leave the group; anew, when it came back from DETACHED to do so."""
    began_utc = record.detach_began_utc or context.current_utc_datetime
    return max(began_utc, record.stage_since_utc or began_utc)


def _look_past_alias(
    context: Context, view: MailboxView, record: MailboxRecord
) -> Story[tuple[MailboxRecord, str]]:
    """See whether other alias rows lead straight home now, and which they are if they matter.

    The survey saw it weeks ago: rows were added since, and mended. So before anything is begun it is looked for again,
    while leaving everything as it is costs nothing; and once more where the alias is turned.
    """
    facts = yield from find_bypasses(context, ref_of(record))
    others = tuple(each for each in record.offences if not _is_bypassed(each))
    found = (f"{Offence.ALIAS_BYPASSED}:{facts.count}",) if facts.count else ()
    is_in_the_way = facts.count > 0 and Offence.ALIAS_BYPASSED not in view.waived
    bypassed_by = f" ({facts.named})" if is_in_the_way else ""
    seen = replace(record, offences=(*others, *found))
    if seen == record:
        return record, bypassed_by
    return (yield from remember(context, seen)), bypassed_by


def _is_bypassed(offence: str) -> bool:
    return offence.partition(":")[0] == Offence.ALIAS_BYPASSED


def _look_at_sync(context: Context, view: MailboxView) -> Story[MailboxRecord]:
    facts = yield from see_sync(context, ref_of(view.record))
    seen = replace(
        view.record,
        synced_count=facts.synced_count,
        skipped_count=facts.skipped_count,
        last_synced_utc=facts.last_success_utc or view.record.last_synced_utc,
    )
    if seen == view.record:
        return seen
    return (yield from remember(context, seen))


def _refresh_if_late(context: Context, record: MailboxRecord) -> Story[None]:
    if seconds_since(context, record.last_synced_utc) > DELTA_AGE_MAX_S:
        wanted_utc = context.current_utc_datetime - timedelta(seconds=PAUSE_MAX_S)
        yield from _ask_for_delta(context, DeltaRequest(ref_of(record), wanted_utc))


def _ask_for_delta(context: Context, request: DeltaRequest) -> Story[None]:
    try:
        yield from request_delta(context, request)
    except Deferred:
        return  # gathered with others' requests; the next look finds it issued
