"""Why a mailbox may be set aside in a life: each code with what must have gone wrong in the world, and lately."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bascule.domain.codes import Code
from bascule.domain.plan import PatiencePlan
from bascule.domain.records import MailboxRecord
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.simulate.life import ALIAS_TROUBLE, OUTAGES, DeedKind

GROUP_TROUBLE = (DeedKind.GROUP_DELETED, DeedKind.RULE_DELETED)
SYNC_TROUBLE = (DeedKind.SYNC_STOPPED, DeedKind.USER_FAILED, DeedKind.PASSWORD_CHANGED)
# Late timers count as waiting: a host that slept finds that patience is over.
SLEPT = (DeedKind.CLOCK_JUMP,)
# What a read still shows after it was mended: replication, boards, a killed host's pause.
SLACK = timedelta(hours=3)
# Where more calls than this are refused, they alone can keep a step from succeeding until patience ends.
ROUGH_PROBABILITY = 0.05

CAUSES: Mapping[Code, tuple[DeedKind, ...]] = {
    Code.ALIAS_MISSING: (DeedKind.ALIAS_REMOVED,),
    Code.ALIAS_UNEXPECTED: (DeedKind.ALIAS_EDITED,),
    Code.ALIAS_CHANGED: (DeedKind.ALIAS_EDITED, DeedKind.ALIAS_HOMED),
    Code.ALIAS_SECOND_DESTINATION: (DeedKind.ALIAS_DOUBLED,),
    Code.NO_SEAT: (DeedKind.SEATS_TAKEN,),
    Code.GROUP_MISSING: (DeedKind.GROUP_DELETED,),
    Code.SOURCE_LOGIN_REFUSED: (DeedKind.PASSWORD_CHANGED,),
    Code.SYNC_LOGIN_REFUSED: (DeedKind.PASSWORD_CHANGED,),
    Code.SYNC_FAILED: SYNC_TROUBLE,
    Code.SYNC_STOPPED: SYNC_TROUBLE,
    Code.REQUEST_REJECTED: (DeedKind.SYNC_STOPPED,),
    # A long wait has come to its end.
    Code.SERVICE_UNREACHABLE: (*OUTAGES, *SLEPT),
    Code.SOURCE_UNREACHABLE: (*OUTAGES, *SLEPT),
    Code.MAILBOX_NOT_OPEN: (*OUTAGES, *SLEPT),
    Code.SYNC_LATE: (*OUTAGES, *SYNC_TROUBLE, *SLEPT),
    Code.GROUP_NOT_JOINED: (*OUTAGES, *GROUP_TROUBLE, *SLEPT),
    Code.DETACH_NOT_PROVEN: (*OUTAGES, *GROUP_TROUBLE, *SLEPT),
    Code.REDIRECT_NOT_PROVEN: (*OUTAGES, *ALIAS_TROUBLE, DeedKind.ALIAS_BYPASSED, *SLEPT),
    Code.ROLLBACK_NOT_PROVEN: (*OUTAGES, *GROUP_TROUBLE, *ALIAS_TROUBLE, *SLEPT),
    Code.SOURCE_NOT_QUIET: (*OUTAGES, *SYNC_TROUBLE, *GROUP_TROUBLE, *SLEPT),
    Code.INCOMPLETE: (*OUTAGES, *SYNC_TROUBLE, *GROUP_TROUBLE, *SLEPT),
}
# Nothing that happens in these lives leads to them.
NEVER = frozenset(
    {
        Code.SOURCE_FOLDER_UNREADABLE, Code.ALIAS_MAP_REFUSED, Code.ACCOUNT_MISSING, Code.ACCOUNT_CONFLICT,
        Code.ACCOUNT_INVALID, Code.ACCOUNT_DELETED, Code.ADDRESS_TAKEN, Code.DOMAIN_FEDERATED, Code.PASSWORD_REFUSED,
        Code.ADDRESS_MISMATCH, Code.LICENCE_UNKNOWN, Code.LICENCE_REFUSED, Code.LICENCE_WITHOUT_MAILBOX,
        Code.LICENCE_INHERITED, Code.PLAN_CONFLICT, Code.PLAN_DEPENDENCY, Code.USAGE_LOCATION_INVALID,
        Code.PERMISSION_MISSING, Code.ENDPOINT_MISSING, Code.SYNC_RECIPIENT_MISSING, Code.SYNC_MAILBOX_FULL,
        Code.SYNC_IN_OTHER_BATCH, Code.MESSAGE_NOT_BROUGHT_HOME, Code.STEP_BROKEN, Code.SECRET_UNREADABLE,
        Code.INVARIANT_BROKEN, Code.MAILBOXES_UNPROVEN, Code.MAILBOX_AT_SOURCE,
    }
)  # fmt: skip
# Codes that rough weather alone can bring about.
WEATHERED = frozenset(
    {Code.SERVICE_UNREACHABLE, Code.SOURCE_UNREACHABLE, Code.MAILBOX_NOT_OPEN, Code.SYNC_LATE}
)
# Only a sync that has gone well again puts an end to these: until then the service remembers them.
REMEMBERED = frozenset({Code.SYNC_LOGIN_REFUSED, Code.SYNC_FAILED, Code.SYNC_STOPPED})


def set_aside_has_a_cause(life: Existence, record: MailboxRecord) -> None:
    """The code names something that is in the world, or was as lately as the product has patience."""
    code = record.code
    told = f"{record.address}, set aside from {record.resume_stage}: {code} {record.detail}"
    if code is None or code in NEVER or code not in CAUSES:
        raise LifeBroken("liveness", told)
    is_rough = life.life.weather.graph_throttle_probability > ROUGH_PROBABILITY
    if is_rough and code in WEATHERED:
        return
    if not life.troubles.met(CAUSES[code], *place_of(life, record), _since_utc(life, record, code)):
        raise LifeBroken("liveness", f"{told}, without a cause")


def place_of(life: Existence, record: MailboxRecord) -> tuple[int, int]:
    """(the person's number, the batch's number)."""
    number = life.number_of(record)
    return number, next(n for n, batch in enumerate(life.life.batches) if number in batch)


def _since_utc(life: Existence, record: MailboxRecord, code: Code) -> datetime:
    now_utc = life.clock.now_utc()
    since_utc = now_utc - SLACK - patience(life.plan.patience, code)
    if code in REMEMBERED:
        users = [u for u in life.world.tenant.migration.users() if u.address == record.address]
        went_well_utc = [user.last_synced_utc or user.created_utc for user in users]
        since_utc = min([since_utc, *went_well_utc])
    return since_utc


def patience(plan: PatiencePlan, code: Code) -> timedelta:
    """How long the product waits before it sets a mailbox aside with a code; nothing for what it is refused at once."""
    hours = {
        Code.SOURCE_UNREACHABLE: plan.survey_h,
        Code.MAILBOX_NOT_OPEN: plan.provision_h,
        Code.GROUP_NOT_JOINED: plan.coexist_h,
        Code.SYNC_LATE: plan.initial_sync_days * 24,
        Code.DETACH_NOT_PROVEN: plan.detach_h,
        Code.REDIRECT_NOT_PROVEN: plan.redirect_h,
        Code.ROLLBACK_NOT_PROVEN: plan.rollback_h,
        Code.SOURCE_NOT_QUIET: plan.final_sync_days * 24,
        Code.INCOMPLETE: plan.prove_h,
        Code.SERVICE_UNREACHABLE: plan.prove_h,
    }
    return timedelta(hours=hours.get(code, 0))
