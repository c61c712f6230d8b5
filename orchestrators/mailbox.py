"""The life of one mailbox, told once; the runbook has the same headings.

    1. read the row                      the ledger is the truth, the engine only remembers where to wake
    2. an operator's wish goes first     retry, abandon, rollback
    3. a survey that is wanted again     asked for, or a cutover is due that an offence holds up
    4. live the chapter of its stage     each ends at the next proven stage, or too early
    5. pause, then begin again as new    doorbell or timer, whichever is first

Custom status: {"stage", "since", "code", "waiting_for", "next_look_s"}.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from bascule.domain.codec import decode, encode
from bascule.domain.codes import Code
from bascule.domain.records import MailboxRecord, MailboxRef, Wish
from bascule.domain.requests import CloudMailboxQuestion, MailboxView, Progress
from bascule.domain.stages import CUT_OVER, Stage
from bascule.domain.stragglers import HOME_LOOK
from orchestrators import arrival, cutover, proof, rollback, stragglers
from orchestrators.chapters import FINISHED, NEXT, Pause, ref_of, remember, seconds_since
from orchestrators.probes import without_proof
from orchestrators.steps import (
    Context,
    Deferred,
    StepRefused,
    Story,
    destroy_secret,
    find_cloud_mailbox,
    leave_sync,
    pause,
    read_mailbox,
    record_progress,
    restart_sync,
)

# The wait grows with the time a mailbox has stood at its stage: a day's wait is not asked after every minute.
GROWTH = 0.05
GROWN_WAIT_MAX_S = 3600.0
# A server that did not answer has said nothing about the mailbox: it is asked again sooner, and for so long beyond the
# end of all patience, so that nobody is set aside for one call that was throttled at the wrong moment.
UNANSWERED_WAIT_MAX_S = 600.0
UNANSWERED_GRACE_S = 3600.0
# Nothing is expected of a mailbox that waits for a person; the doorbell rings when there is.
IDLE_WAIT_S = 24 * 3600.0
# Roles granted to an app have been seen to take two hours to be known everywhere; tokens live for one.
ROLE_WAIT_S = 2 * 3600.0
ROLE_LOOK_S = 600.0
# A mailbox that is given up waits this long for what the cloud received to come home, after a way back from the end of
# its stragglers on; then a person is told of it.
GIVE_UP_S = 24 * 3600.0
# Missed so long ago, it was another time: while one is missing we look, and set aside, well before.
ROLE_FORGOTTEN_S = 4 * 3600.0
TOO_LATE = "not abandoned: its cutover has begun; ask for the rollback first"
# An alias that somebody has turned, or beside which somebody has put another row.
ROUTE_CODES = frozenset({Code.ALIAS_CHANGED, Code.ALIAS_MISSING, Code.ALIAS_SECOND_DESTINATION})
# From here on the alias was seen turned: whether the mailbox is out of the group is not to be proven again.
TURNED = CUT_OVER - {Stage.DETACHED}
SYNC_CODES = frozenset(
    {
        Code.SYNC_LOGIN_REFUSED,
        Code.SYNC_RECIPIENT_MISSING,
        Code.SYNC_MAILBOX_FULL,
        Code.SYNC_FAILED,
        Code.SYNC_STOPPED,
        Code.SYNC_IN_OTHER_BATCH,
    }
)


@dataclass(frozen=True)
class Reason:
    """Why a mailbox is set aside, and the wish that met the refusal."""

    code: Code
    detail: str
    refused_wish: Wish = Wish.NONE


def mailbox(context: Context) -> Story[None]:
    """Carry one mailbox to Microsoft 365, its mail reachable at every moment.

    Input: a MailboxRef. Waits for the doorbell. Ends when the mailbox is closed or abandoned.
    """
    ref = decode(MailboxRef, context.get_input())
    try:
        view = yield from read_mailbox(context, ref)
    except (Deferred, StepRefused) as held:
        # Without its row nobody can be set aside; and a story that ends here is missed only when the watchdog looks.
        rest = _rest_after(held)
        _tell(context, rest)
        yield from pause(context, rest.wait_s)
        context.continue_as_new(encode(ref))
        return
    rest = yield from live(context, view)
    if rest is FINISHED:
        _tell(context, rest, view.record)
        return
    if rest is not NEXT:
        _tell(context, rest, view.record)
        yield from pause(context, rest.wait_s)
    context.continue_as_new(encode(ref))


def live(context: Context, view: MailboxView) -> Story[Pause]:
    """One chapter; a refusal, or patience that ends, sets the mailbox aside with its code."""
    try:
        return (yield from _chapter(context, view))
    except StepRefused as refusal:
        if refusal.code is Code.PERMISSION_MISSING and not _is_missed_for_good(
            context, view.record
        ):
            return (yield from _wait_for_role(context, view.record))
        reason = Reason(refusal.code, refusal.detail, refused_wish=view.record.wish)
    except Deferred as early:
        stood_s = seconds_since(context, view.stood_since_utc)
        if stood_s <= _patience_s(view, early) or view.record.stage is Stage.SET_ASIDE:
            return Pause(_grown_wait_s(early, stood_s), early.why)
        code = Code.STEP_BROKEN if early.is_broken else view.expired_code
        reason = Reason(code, str(early))
    try:
        # Read anew: a chapter that writes before it is refused would be overtaken by itself at every look.
        fresh = yield from read_mailbox(context, ref_of(view.record))
        return (yield from set_aside(context, fresh.record, reason))
    except (Deferred, StepRefused) as held:
        return _rest_after(held)


def _chapter(context: Context, view: MailboxView) -> Story[Pause]:
    record = view.record
    if record.wish is not Wish.NONE:
        return (yield from WISHES[record.wish](context, view))
    if record.rollback_began_utc and record.stage is not Stage.SET_ASIDE:
        return (yield from rollback.roll_back(context, view))
    if view.wants_survey:
        return (yield from arrival.survey_again(context, view))
    return (yield from CHAPTERS[record.stage](context, view))


def _patience_s(view: MailboxView, early: Deferred) -> float:
    return view.patience_s + (UNANSWERED_GRACE_S if early.is_unanswered else 0.0)


def _grown_wait_s(early: Deferred, stood_s: float) -> float:
    longest_s = UNANSWERED_WAIT_MAX_S if early.is_unanswered else GROWN_WAIT_MAX_S
    return max(early.wait_s, min(stood_s * GROWTH, longest_s))


def _rest_after(held: Deferred | StepRefused) -> Pause:
    """How long a story waits for the ledger: a refusal of the storage holds everybody up, and sets nobody aside."""
    if isinstance(held, Deferred):
        return Pause(held.wait_s, held.why)
    return Pause(ROLE_LOOK_S, str(held))


def _is_missed_for_good(context: Context, record: MailboxRecord) -> bool:
    missed_s = seconds_since(context, record.forbidden_since_utc)
    return ROLE_WAIT_S < missed_s < ROLE_FORGOTTEN_S


def _wait_for_role(context: Context, record: MailboxRecord) -> Story[Pause]:
    """A permission that is missed for minutes is one being granted, or a server that does not know it yet."""
    since_s = seconds_since(context, record.forbidden_since_utc)
    if record.forbidden_since_utc is None or since_s >= ROLE_FORGOTTEN_S:
        now_utc = context.current_utc_datetime
        try:
            fresh = yield from read_mailbox(context, ref_of(record))
            yield from remember(context, replace(fresh.record, forbidden_since_utc=now_utc))
        except (Deferred, StepRefused) as held:
            return _rest_after(held)
    return Pause(ROLE_LOOK_S, "a permission that is missing")


def set_aside(context: Context, record: MailboxRecord, reason: Reason) -> Story[Pause]:
    """Stop safely, with a reason, at the stage that was proven last.

    A wish that was refused is answered by its reason; kept, it would be refused again at every look.
    """
    aside = replace(
        record,
        stage=Stage.SET_ASIDE,
        resume_stage=record.resume_stage or record.stage,
        code=reason.code,
        detail=reason.detail,
        forbidden_since_utc=None,
    )
    yield from record_progress(context, Progress(aside, served_wish=reason.refused_wish))
    return NEXT


def _retry(context: Context, view: MailboxView) -> Story[Pause]:
    """Go on from the stage that was proven last; a failed sync is started again, or over in a supplement."""
    record = view.record
    if record.stage is not Stage.SET_ASIDE or record.resume_stage is None:
        yield from record_progress(context, Progress(record, served_wish=Wish.RETRY))
        return NEXT
    resume = record.resume_stage
    if _is_sync_broken(record) and (yield from restart_sync(context, ref_of(record))):
        # Who is home again waits there for the supplement: a cutover has been behind it already.
        resume = resume if resume is Stage.ROLLED_BACK else Stage.COEXISTING
    again = replace(
        record,
        stage=resume,
        resume_stage=None,
        code=None,
        detail="",
        sweep_count=0,
        # Whoever retries a mailbox that did not open may have taken its licence away meanwhile.
        licensed_utc=None if resume is Stage.SURVEYED else record.licensed_utc,
        # And whoever retries one that did not join has mended the group.
        joined_group_utc=None if resume is Stage.PROVISIONED else record.joined_group_utc,
        # What Postfix took in while the row led home, it may hold for as long as any other mail.
        route_mended_utc=context.current_utc_datetime
        if resume in TURNED and record.code in ROUTE_CODES
        else record.route_mended_utc,
    )
    again = _leaving_anew(again)
    yield from record_progress(context, Progress(again, served_wish=Wish.RETRY))
    return NEXT


def _leaving_anew(record: MailboxRecord) -> MailboxRecord:
    """Nobody looked at the group meanwhile, and whoever mended it may have put everybody back: leave it, hold, probe again.

    Probes of DETACHED and of the way back are about the alias, and stay as they are.
    """
    if record.stage in TURNED or record.rollback_began_utc is not None:
        return record
    left = replace(record, left_group_utc=None)
    return left if record.stage is Stage.DETACHED else without_proof(left)


def _is_sync_broken(record: MailboxRecord) -> bool:
    # Without a password it was left out of its sync batch; with one it comes into another.
    is_left_out = record.code is Code.SECRET_UNREADABLE and record.resume_stage is Stage.COEXISTING
    return is_left_out or record.code in SYNC_CODES


def _abandon(context: Context, view: MailboxView) -> Story[Pause]:
    """Leave the mailbox at the source for good; not once its mail may go to the cloud."""
    if view.record.has_begun_cutover:
        dropped = Progress(view.record, Wish.ABANDON, dropped_because=TOO_LATE)
        yield from record_progress(context, dropped)
        return NEXT
    record = yield from _with_its_mail(context, view)
    if isinstance(record, Pause):
        return record
    yield from leave_sync(context, ref_of(record))
    yield from destroy_secret(context, ref_of(record))
    gone = replace(record, stage=Stage.ABANDONED, resume_stage=None)
    yield from record_progress(context, Progress(gone, served_wish=Wish.ABANDON))
    return FINISHED


def _with_its_mail(context: Context, view: MailboxView) -> Story[MailboxRecord | Pause]:
    """A cloud mailbox that has opened stays: its mail comes home, now and from now on, or a person is told why not."""
    record = view.record
    if view.straggler_look_utc is not None:
        return (yield from _with_its_stragglers(context, view))
    if not record.is_licensed or record.proven_stage not in {Stage.SURVEYED, Stage.PROVISIONED}:
        return record
    try:
        question = CloudMailboxQuestion(ref_of(record), record.account_id)
        yield from find_cloud_mailbox(context, question)
        return (yield from arrival.settle(context, view))
    except StepRefused as refusal:
        why = str(refusal)
    except Deferred as early:
        if seconds_since(context, record.wish_utc) <= GIVE_UP_S:
            return Pause(early.wait_s, early.why)
        why = str(early)
    return (yield from _without_its_mail(context, record, why))


def _with_its_stragglers(context: Context, view: MailboxView) -> Story[MailboxRecord | Pause]:
    """Home again, it is given up when no straggler can come any more: nobody could fetch one without its password.

    Until then somebody may mend what a look is refused for; so a refusal, too, is a look to be made again.
    """
    record, until_utc = view.record, view.record.home_watched_until_utc
    told = f"stragglers until {until_utc:%Y-%m-%d %H:%M} UTC, then to be abandoned"
    look_s = stragglers.next_look_s(context, view)
    if look_s > 0:
        return Pause(look_s, told)
    try:
        return (yield from stragglers.look(context, record))
    except StepRefused as refusal:
        why, wait_s, patience_s = str(refusal), HOME_LOOK.total_seconds(), 0.0
    except Deferred as early:
        why, patience_s = str(early), GIVE_UP_S
        wait_s = max(early.wait_s, UNANSWERED_WAIT_MAX_S)
    late_s = min(seconds_since(context, until_utc), seconds_since(context, record.wish_utc))
    if late_s <= patience_s:
        return Pause(wait_s, f"{told}; {why}")
    return (yield from _without_its_mail(context, record, why))


def _without_its_mail(context: Context, record: MailboxRecord, why: str) -> Story[MailboxRecord]:
    fresh = yield from read_mailbox(context, ref_of(record))
    detail = f"what its cloud mailbox received was not brought home: {why}"
    return replace(fresh.record, detail=detail)


def _wait_for_person(_: Context, view: MailboxView) -> Story[Pause]:
    yield from ()
    return Pause(IDLE_WAIT_S, f"a person: {view.record.code}")


def _nothing_more(_: Context, __: MailboxView) -> Story[Pause]:
    yield from ()
    return FINISHED


CHAPTERS: Mapping[Stage, Callable[[Context, MailboxView], Story[Pause]]] = MappingProxyType(
    {
        Stage.REGISTERED: arrival.survey,
        Stage.SURVEYED: arrival.provision,
        Stage.PROVISIONED: arrival.coexist,
        Stage.COEXISTING: arrival.begin_sync,
        Stage.SYNCING: arrival.finish_initial_sync,
        Stage.SYNCED: cutover.wait_or_detach,
        Stage.DETACHED: cutover.redirect,
        Stage.REDIRECTED: proof.sync_until_quiet,
        Stage.FINAL_SYNC: proof.prove,
        Stage.PROVEN: proof.finish,
        Stage.MIGRATED: proof.sweep_and_close,
        Stage.ROLLED_BACK: rollback.stay_home,
        Stage.SET_ASIDE: _wait_for_person,
        Stage.ABANDONED: _nothing_more,
    }
)


WISHES: Mapping[Wish, Callable[[Context, MailboxView], Story[Pause]]] = MappingProxyType(
    {Wish.RETRY: _retry, Wish.ABANDON: _abandon, Wish.ROLLBACK: rollback.begin}
)


def _tell(context: Context, rest: Pause, record: MailboxRecord | None = None) -> None:
    since_utc = record.stage_since_utc if record else None
    context.set_custom_status(
        {
            "stage": record.stage.value if record else None,
            "since": since_utc.isoformat() if since_utc else None,
            "code": record.code.value if record and record.code else None,
            "waiting_for": rest.waiting_for[:200],
            "next_look_s": round(rest.wait_s),
        }
    )
