"""The way back of one mailbox: the alias first, proven, then the group, proven, then its mail comes home.

    any stage from DETACHED on, and a cutover that has begun
      alias back, read back            mail from outside arrives at the source again
      each Postfix follows it          seen by probes if so planned, or waited for
      member of the group again        probes inside the tenant are relayed to the source
      what the cloud received          is appended at the source, then removed from the cloud: the sync brings it back
    ROLLED_BACK                        a second cutover starts from here

The order is the invariant: with the group first, the tenant would relay to Postfix and Postfix back to the tenant.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.requests import (
    HomeRequest,
    MailboxView,
    MembershipQuestion,
    ProbePlace,
    ProbeWay,
    Progress,
    RouteExpectation,
    SwitchRequest,
)
from bascule.domain.routes import RouteSwitch
from bascule.domain.stages import Stage
from bascule.domain.stragglers import HOME_LOOK, unseen_since_utc
from bascule.domain.sync import SEEDED
from orchestrators import stragglers
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
        alias_home_utc=None,
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
    proven = yield from _alias_at_home(context, view)
    if isinstance(proven, Pause):
        return proven
    view = replace(view, record=proven)
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
    return (yield from _bring_everything_home(context, view, record))


def stay_home(context: Context, view: MailboxView) -> Story[Pause]:
    """Fetch what was still on its way to the cloud; a new instant starts the second cutover."""
    record = view.record
    until_utc = _watched_until(context, view)
    is_watched = _watched_from(context, record) < until_utc
    if is_watched:
        fetched = yield from stragglers.fetch(context, record, until_utc)
        if isinstance(fetched, Pause):
            return fetched
        record = fetched
    if record.cutover_at_utc is None:
        return Pause(HOME_LOOK.total_seconds() if is_watched else PAUSE_MAX_S, "a second cutover")
    missing = yield from _missing_copy(context, record)
    if missing is not None:
        return missing
    if not is_watched:
        # Postfix may have held a probe back until after the last look.
        record = yield from clear_strays(context, record)
    return (yield from arrive(context, replace(record, strays_cleared_count=0), Stage.SYNCED))


def _watched_from(context: Context, record: MailboxRecord) -> datetime:
    return record.home_looked_utc or record.stage_since_utc or context.current_utc_datetime


def _watched_until(context: Context, view: MailboxView) -> datetime:
    """When no Postfix holds the routing address any more, and no transport server remembers the mailbox as moved."""
    # A row that came home before this was written down.
    home_utc = view.record.stage_since_utc or context.current_utc_datetime
    return view.record.home_watched_until_utc or _watch_end(view, home_utc)


def _watch_end(view: MailboxView, home_utc: datetime) -> datetime:
    return home_utc + timedelta(seconds=max(view.cutover.grace_h * 3600.0, view.cutover.hold_s))


def _missing_copy(context: Context, record: MailboxRecord) -> Story[Pause | None]:
    """The first cutover may have lost its sync on the way: then a new copy comes first. None: it is there."""
    if not record.sync_batch:
        return Pause(SYNC_BATCH_WAIT_S, "a sync batch")
    facts = yield from see_sync(context, ref_of(record))
    if facts.state in SEEDED and facts.last_success_utc is not None:
        return None
    return Pause(INITIAL_SYNC_WAIT_S, f"the copy, now {facts.state}")


def _alias_at_home(context: Context, view: MailboxView) -> Story[MailboxRecord | Pause]:
    """The alias home, and every Postfix following it: one that reads an older row would send the tenant's mail round.

    Without probes it is a matter of time, and the plan says how much.
    """
    record = view.record
    # With a probe under way the alias is turned already; a second writing would be noted as a second change.
    is_begun = record.probe_token or record.probe_proven_count
    if record.alias_home_utc is None and not is_begun:
        yield from _turn_alias_back(context, view)
    if record.alias_home_utc is None and record.probe_proven_count < view.source_probe_count:
        sighting = yield from probe_once(context, view, ProbePlace.SOURCE, ProbeWay.POSTFIX)
        if not isinstance(sighting, Sighting):
            return sighting
        if sighting.proven_count < view.source_probe_count:
            return NEXT
        record = sighting.record
    if record.alias_home_utc is None:
        at_home = replace(record, probe_proven_count=0, alias_home_utc=context.current_utc_datetime)
        record = yield from remember(context, at_home)
    hold_s = view.cutover.alias_hold_s - seconds_since(context, record.alias_home_utc)
    if hold_s > 0 and not view.source_probe_count:
        return Pause(min(hold_s, PAUSE_MAX_S), "every Postfix to know the alias")
    return record


def _turn_alias_back(context: Context, view: MailboxView) -> Story[None]:
    record, ref = view.record, ref_of(view.record)
    change = RouteSwitch(record.address, view.routing_address, record.route_home)
    yield from switch_route(context, SwitchRequest(ref, change))
    yield from check_route(context, RouteExpectation(ref, destination=record.route_home))


def _bring_everything_home(
    context: Context, view: MailboxView, record: MailboxRecord
) -> Story[Pause]:
    ref = ref_of(record)
    record = yield from clear_strays(context, record)
    looked_utc = context.current_utc_datetime
    began_utc = record.detach_began_utc or record.redirected_utc or looked_utc
    # Of an earlier way back a straggler may have come just before this cutover began, and met no look.
    since_utc = min(began_utc, unseen_since_utc(record) or began_utc)
    facts = yield from bring_home(context, HomeRequest(ref, since_utc))
    if facts.remaining_count or facts.moved_count:
        return Pause(0.0, f"{facts.remaining_count} messages to come home")
    home = replace(
        record,
        stage=Stage.ROLLED_BACK,
        resume_stage=None,
        code=None,
        detail="",
        redirected_utc=began_utc,
        home_looked_utc=looked_utc,
        home_watched_until_utc=_watch_end(view, context.current_utc_datetime),
        detach_began_utc=None,
        rollback_began_utc=None,
        alias_home_utc=None,
        probe_proven_count=0,
        strays_cleared_count=0,
        delta_asked_utc=None,
        marks="",
        marks_since_utc=None,
        sweep_count=0,
        certificate="",
        doubled_count=0,
        migrated_utc=None,
    )
    yield from record_progress(context, Progress(home))
    return NEXT
