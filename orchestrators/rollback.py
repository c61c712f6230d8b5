"""The way back of one mailbox: the alias first, proven, then the group, proven, then its mail comes home.

    any stage from DETACHED on, and a cutover that has begun
      alias back, read back            mail from outside arrives at the source again
      member of the group again        probes inside the tenant are relayed to the source
      what the cloud received          is appended at the source, then removed from the cloud: the sync brings it back
    ROLLED_BACK                        a second cutover starts from here

The order is the invariant: with the group first, the tenant would relay to Postfix and Postfix back to the tenant.
"""

from dataclasses import replace

from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.requests import (
    HomeRequest,
    MailboxView,
    MembershipQuestion,
    ProbePlace,
    Progress,
    RouteExpectation,
    SwitchRequest,
)
from bascule.domain.routes import RouteSwitch
from bascule.domain.stages import Stage
from bascule.domain.sync import SEEDED
from orchestrators.arrival import INITIAL_SYNC_WAIT_S, SYNC_BATCH_WAIT_S
from orchestrators.chapters import NEXT, Pause, arrive, ref_of, remember, seconds_since
from orchestrators.probes import Sighting, clear_strays, probe_once
from orchestrators.steps import (
    PAUSE_MAX_S,
    Context,
    Story,
    bring_home,
    check_route,
    join_coexistence,
    record_progress,
    see_membership,
    see_sync,
    switch_route,
)

HOME_LOOK_S = 6 * 3600.0


def begin(context: Context, view: MailboxView) -> Story[Pause]:
    """Take up the wish: from here on only the way back is walked, whatever happens in between."""
    record = view.record
    if not record.has_begun_cutover:
        yield from record_progress(context, Progress(record, served_wish=Wish.ROLLBACK))
        return NEXT
    begun = replace(
        record,
        stage=record.resume_stage or record.stage,
        resume_stage=None,
        code=None,
        detail="",
        rollback_began_utc=context.current_utc_datetime,
        closed_utc=None,
        left_group_utc=None,
        probe_proven_count=0,
        probe_token="",
        probe_sent_utc=None,
        probe_strays=(*record.probe_strays, record.probe_token)
        if record.probe_token
        else record.probe_strays,
    )
    yield from record_progress(context, Progress(begun, served_wish=Wish.ROLLBACK))
    return NEXT


def roll_back(context: Context, view: MailboxView) -> Story[Pause]:
    """Bring one mailbox back to the source, its mail with it."""
    record, ref = view.record, ref_of(view.record)
    if record.probe_proven_count == 0 and not record.probe_token:
        yield from _turn_alias_back(context, view)
        yield from join_coexistence(context, ref)
        since_utc = record.rollback_began_utc or context.current_utc_datetime
        yield from see_membership(context, MembershipQuestion(ref, True, since_utc))
    if record.probe_proven_count < view.cutover.probe_count:
        sighting = yield from probe_once(context, view, ProbePlace.SOURCE)
        if not isinstance(sighting, Sighting):
            return sighting
        if sighting.proven_count < view.cutover.probe_count:
            return Pause(view.cutover.probe_interval_s, "the next probe")
        record = sighting.record
    return (yield from _bring_everything_home(context, record))


def stay_home(context: Context, view: MailboxView) -> Story[Pause]:
    """Fetch what was still on its way to the cloud; a new instant starts the second cutover."""
    record = view.record
    at_home_s = seconds_since(context, record.stage_since_utc)
    if at_home_s > view.cutover.grace_h * 3600.0 and record.cutover_at_utc is None:
        return Pause(PAUSE_MAX_S, "a second cutover")
    if record.cutover_at_utc is not None:
        missing = yield from _missing_copy(context, record)
        if missing is not None:
            return missing
    since_utc = record.redirected_utc or record.stage_since_utc or context.current_utc_datetime
    # Postfix may have held a probe back for days: it arrives among the user's mail.
    record = yield from clear_strays(context, record)
    facts = yield from bring_home(context, HomeRequest(ref_of(record), since_utc))
    if facts.remaining_count:
        return Pause(0.0, f"{facts.remaining_count} messages to come home")
    # Whatever was begun is at its end: half a move would be copied again by the sync.
    record = replace(record, strays_cleared_count=0)
    if record.cutover_at_utc is not None:
        return (yield from arrive(context, record, Stage.SYNCED))
    if record != view.record:
        yield from remember(context, record)
    return Pause(HOME_LOOK_S, "a second cutover")


def _missing_copy(context: Context, record: MailboxRecord) -> Story[Pause | None]:
    """The first cutover may have lost its sync on the way: then a new copy comes first. None: it is there."""
    if not record.sync_batch:
        return Pause(SYNC_BATCH_WAIT_S, "a sync batch")
    facts = yield from see_sync(context, ref_of(record))
    if facts.state in SEEDED and facts.last_success_utc is not None:
        return None
    return Pause(INITIAL_SYNC_WAIT_S, f"the copy, now {facts.state}")


def _turn_alias_back(context: Context, view: MailboxView) -> Story[None]:
    record, ref = view.record, ref_of(view.record)
    change = RouteSwitch(record.address, view.routing_address, record.route_home)
    yield from switch_route(context, SwitchRequest(ref, change))
    yield from check_route(context, RouteExpectation(ref, destination=record.route_home))


def _bring_everything_home(context: Context, record: MailboxRecord) -> Story[Pause]:
    ref = ref_of(record)
    record = yield from clear_strays(context, record)
    since_utc = record.detach_began_utc or record.redirected_utc or context.current_utc_datetime
    facts = yield from bring_home(context, HomeRequest(ref, since_utc))
    if facts.remaining_count or facts.moved_count:
        return Pause(0.0, f"{facts.remaining_count} messages to come home")
    home = replace(
        record,
        stage=Stage.ROLLED_BACK,
        resume_stage=None,
        code=None,
        detail="",
        # Kept as the instant since when the cloud received mail; stragglers are fetched from there on.
        redirected_utc=since_utc,
        detach_began_utc=None,
        rollback_began_utc=None,
        probe_proven_count=0,
        strays_cleared_count=0,
        delta_asked_utc=None,
        marks="",
        marks_since_utc=None,
        sweep_count=0,
        certificate="",
        migrated_utc=None,
    )
    yield from record_progress(context, Progress(home))
    return NEXT
