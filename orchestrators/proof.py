"""After the redirects: fetch the stragglers, prove completeness, finish, and look once more after the grace.

Postfix expands an alias when mail enters its queue, so a deferred message still arrives at the old mailbox after the
alias has changed. Hence: a delta that began after the last new message, a source that stays quiet, a certificate over
both sides, and one more sweep when Postfix has given up on everything it may still have held. Before each of the two
certificates alias and group are looked at again: nobody watches them in between.
"""

from dataclasses import replace
from datetime import timedelta

from bascule.domain.codes import Code
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import (
    CertificateRequest,
    DeltaRequest,
    LicenceRequest,
    MailboxView,
    RouteExpectation,
)
from bascule.domain.stages import Stage
from bascule.domain.sync import SyncState
from orchestrators.chapters import FINISHED, NEXT, Pause, arrive, ref_of, remember, seconds_since
from orchestrators.cutover import stay_out_of_group
from orchestrators.probes import clear_strays
from orchestrators.steps import (
    PAUSE_MAX_S,
    Context,
    StepRefused,
    Story,
    certify,
    check_route,
    destroy_secret,
    ensure_licence,
    read_marks,
    request_delta,
    see_sync,
    tell_user,
)

DELTA_LOOK_S = 180.0
# A certificate that misses something is made again after the next delta; counters and indexes lag.
RECHECK_S = 900.0


def sync_until_quiet(context: Context, view: MailboxView) -> Story[Pause]:
    """A delta that began after the last new message has ended, and the source has been quiet long enough."""
    synced = yield from _synced_and_quiet(context, view)
    if isinstance(synced, Pause):
        return synced
    return (yield from arrive(context, synced, Stage.FINAL_SYNC))


def prove(context: Context, view: MailboxView) -> Story[Pause]:
    """Make the certificate; incomplete, sync once more and make it again."""
    yield from _still_redirected(context, view)
    record = yield from clear_strays(context, view.record)
    facts = yield from certify(context, CertificateRequest(ref_of(record)))
    if not facts.is_complete:
        return (yield from _sync_again(context, view, facts.missing_count))
    proven = replace(
        record,
        certificate=facts.report,
        doubled_count=facts.doubled_count,
        proven_marks=record.marks,
        # Looked for once more at the end: Postfix may hold one back for days.
        strays_cleared_count=0,
    )
    return (yield from arrive(context, proven, Stage.PROVEN))


def finish(context: Context, view: MailboxView) -> Story[Pause]:
    """Switch the further services on and tell the user."""
    ref = ref_of(view.record)
    yield from ensure_licence(context, LicenceRequest(ref, is_after=True))
    yield from tell_user(context, ref)
    done = replace(view.record, migrated_utc=context.current_utc_datetime)
    return (yield from arrive(context, done, Stage.MIGRATED))


def sweep_and_close(context: Context, view: MailboxView) -> Story[Pause]:
    """When Postfix can hold nothing back any more: look once more, prove once more, destroy the password."""
    record, ref = view.record, ref_of(view.record)
    if record.closed_utc is not None:
        # No wish is granted any more, and one that came an instant before has gone first: it needed the password.
        yield from destroy_secret(context, ref)
        return FINISHED
    grace_s = view.cutover.grace_h * 3600.0 - seconds_since(context, record.grace_began_utc)
    if grace_s > 0:
        return Pause(min(grace_s, PAUSE_MAX_S), "the end of the grace period")
    synced = yield from _synced_and_quiet(context, view)
    if isinstance(synced, Pause):
        return synced
    yield from _still_redirected(context, view)
    synced = yield from clear_strays(context, synced)
    if synced.marks != record.proven_marks:
        # Only what came since: people delete and move mail in their new mailbox, and may.
        request = CertificateRequest(ref, since_utc=record.redirected_utc)
        facts = yield from certify(context, request)
        if not facts.is_complete:
            return (yield from _sync_again(context, view, facts.missing_count))
    yield from remember(context, replace(synced, closed_utc=context.current_utc_datetime))
    return NEXT


def _still_redirected(context: Context, view: MailboxView) -> Story[None]:
    """The alias leads to the tenant, and the group is without the mailbox: people and their tools change both.

    An alias that somebody has turned is refused, because they may have had a reason; a mailbox that is back in the group
    leaves it at once.
    """
    expected = RouteExpectation(ref_of(view.record), destination=view.routing_address)
    yield from check_route(context, expected)
    yield from stay_out_of_group(context, view.record)


def _synced_and_quiet(context: Context, view: MailboxView) -> Story[MailboxRecord | Pause]:
    """Quiet: the marks of before the delta and of after the wait are the same. Looks in between would tell no more."""
    record = view.record
    if not record.marks:
        record = yield from _look_at_marks(context, view, record)
    since_utc = record.marks_since_utc or context.current_utc_datetime
    if record.delta_asked_utc is None:
        issued = yield from request_delta(context, DeltaRequest(ref_of(record), since_utc))
        record = yield from remember(context, replace(record, delta_asked_utc=issued.issued_utc))
    facts = yield from see_sync(context, ref_of(record))
    asked_utc = record.delta_asked_utc or since_utc
    if facts.state is not SyncState.READY or not (
        facts.last_success_utc and facts.last_success_utc > asked_utc
    ):
        return Pause(DELTA_LOOK_S, "the last delta")
    quiet_s = view.cutover.quiet_s - seconds_since(context, since_utc)
    if quiet_s > 0:
        return Pause(min(quiet_s, PAUSE_MAX_S), "a quiet source")
    seen = yield from _look_at_marks(context, view, record)
    if seen.marks != record.marks:
        return NEXT
    return replace(seen, last_synced_utc=facts.last_success_utc)


def _look_at_marks(
    context: Context, view: MailboxView, record: MailboxRecord
) -> Story[MailboxRecord]:
    """New mail at the source starts the count of quiet again, and asks for another delta."""
    marks = yield from read_marks(context, ref_of(record))
    if marks.digest == record.marks:
        return record
    if record.sweep_count >= view.cutover.sweep_count_max:
        # The nearest of all reasons has a code of its own.
        yield from _still_redirected(context, view)
        detail = f"the source got new mail {record.sweep_count} times after the redirect"
        raise StepRefused("read_marks", Code.SOURCE_NOT_QUIET, detail)
    return (
        yield from remember(
            context,
            replace(
                record,
                marks=marks.digest,
                marks_since_utc=context.current_utc_datetime,
                delta_asked_utc=None,
                sweep_count=record.sweep_count + 1,
            ),
        )
    )


def _sync_again(context: Context, view: MailboxView, missing_count: int) -> Story[Pause]:
    record = view.record
    if seconds_since(context, view.stood_since_utc) > view.patience_s:
        detail = f"{missing_count} messages are not in the cloud; the certificate names them"
        raise StepRefused("certify", Code.INCOMPLETE, detail)
    since_utc = context.current_utc_datetime - timedelta(seconds=RECHECK_S)
    yield from request_delta(context, DeltaRequest(ref_of(record), since_utc))
    return Pause(RECHECK_S, f"{missing_count} messages to arrive")
