"""From the uploaded row to a synced mailbox: the user's mail goes on arriving at the source in these chapters.

A cloud mailbox swallows what colleagues inside the tenant send from the moment it opens until every transport server
knows the coexistence group. So the first sync waits for that, and such mail is moved home before it: afterwards it
could not be told from copies.
"""

from dataclasses import replace

from bascule.domain.records import MailboxRecord
from bascule.domain.requests import (
    CloudMailboxQuestion,
    HomeRequest,
    LicenceRequest,
    MailboxView,
    MembershipQuestion,
    RouteExpectation,
)
from bascule.domain.stages import Stage
from bascule.domain.sync import SEEDED, SyncState
from orchestrators.chapters import NEXT, Pause, arrive, ref_of, remember, seconds_since
from orchestrators.steps import (
    PAUSE_MAX_S,
    Context,
    Story,
    bring_home,
    check_route,
    ensure_account,
    ensure_licence,
    find_cloud_mailbox,
    join_coexistence,
    see_membership,
    see_sync,
    survey_source,
)

# The batch's story rings nobody when it builds a sync batch; its mailboxes look again after this.
SYNC_BATCH_WAIT_S = 120.0
INITIAL_SYNC_WAIT_S = 300.0


def survey(context: Context, view: MailboxView) -> Story[Pause]:
    """Open the source read-only, count everything, and see the one alias row."""
    seen = yield from _seen_at_source(context, view.record)
    surveyed = replace(seen, provision_began_utc=context.current_utc_datetime)
    return (yield from arrive(context, surveyed, Stage.SURVEYED))


def survey_again(context: Context, view: MailboxView) -> Story[Pause]:
    """Look anew at a source that somebody may have mended: what is found takes the place of what was found before."""
    yield from remember(context, (yield from _seen_at_source(context, view.record)))
    return NEXT


def _seen_at_source(context: Context, record: MailboxRecord) -> Story[MailboxRecord]:
    began_utc = context.current_utc_datetime
    facts = yield from survey_source(context, ref_of(record))
    route = yield from check_route(context, RouteExpectation(ref_of(record), destination=""))
    return replace(
        record,
        # What was asked before it began is done, also by a clock that goes ahead of this one.
        surveyed_utc=max(began_utc, record.survey_asked_utc or began_utc),
        source_message_count=facts.message_count,
        source_size_bytes=facts.size_bytes,
        offences=facts.offences,
        route_home=route.destination,
    )


def provision(context: Context, view: MailboxView) -> Story[Pause]:
    """Account, licence with only the mailbox on, and an open mailbox at the right address."""
    record, ref = view.record, ref_of(view.record)
    if not record.is_licensed:
        account = yield from ensure_account(context, ref)
        yield from ensure_licence(context, LicenceRequest(ref, is_after=False))
        # Written down, because the mailbox may take a day from here, and each look would ask for both again.
        licensed = replace(
            record, account_id=account.account_id, licensed_utc=context.current_utc_datetime
        )
        yield from remember(context, licensed)
        return NEXT
    yield from find_cloud_mailbox(context, CloudMailboxQuestion(ref, record.account_id))
    return (yield from arrive(context, record, Stage.PROVISIONED))


def coexist(context: Context, view: MailboxView) -> Story[Pause]:
    """Let the tenant send this mailbox's mail back to Postfix, and bring home what came before it did."""
    settled = yield from settle(context, view)
    if isinstance(settled, Pause):
        return settled
    return (yield from arrive(context, settled, Stage.COEXISTING))


def settle(context: Context, view: MailboxView) -> Story[MailboxRecord | Pause]:
    """Join the coexistence group, see it, hold until every server knows it, and empty the cloud mailbox."""
    record = yield from _in_group(context, view.record)
    hold_s = view.cutover.hold_s - seconds_since(context, record.joined_group_utc)
    if hold_s > 0:
        return Pause(min(hold_s, PAUSE_MAX_S), "the tenant's servers to know the group")
    since_utc = record.provision_began_utc or context.current_utc_datetime
    facts = yield from bring_home(context, HomeRequest(ref_of(record), since_utc))
    if facts.remaining_count:
        return Pause(0.0, f"{facts.remaining_count} messages to come home")
    return record


def _in_group(context: Context, record: MailboxRecord) -> Story[MailboxRecord]:
    if record.joined_group_utc is not None:
        return record
    ref, since_utc = ref_of(record), record.stage_since_utc or context.current_utc_datetime
    yield from join_coexistence(context, ref)
    yield from see_membership(context, MembershipQuestion(ref, True, since_utc))
    joined = replace(record, joined_group_utc=context.current_utc_datetime)
    return (yield from remember(context, joined))


def begin_sync(context: Context, view: MailboxView) -> Story[Pause]:
    """Wait for the batch's story to put this mailbox into a migration batch, and for the service to take it."""
    if not view.record.sync_batch:
        return Pause(SYNC_BATCH_WAIT_S, "a sync batch")
    yield from see_sync(context, ref_of(view.record))
    return (yield from arrive(context, view.record, Stage.SYNCING))


def finish_initial_sync(context: Context, view: MailboxView) -> Story[Pause]:
    """Wait until everything was copied once."""
    facts = yield from see_sync(context, ref_of(view.record))
    if facts.state not in SEEDED:
        return Pause(INITIAL_SYNC_WAIT_S, f"the initial sync, now {facts.state}")
    if facts.state is SyncState.DELTA and facts.last_success_utc is None:
        return Pause(INITIAL_SYNC_WAIT_S, "the first complete sync")
    synced = replace(
        view.record,
        synced_count=facts.synced_count,
        skipped_count=facts.skipped_count,
        last_synced_utc=facts.last_success_utc,
    )
    return (yield from arrive(context, synced, Stage.SYNCED))
