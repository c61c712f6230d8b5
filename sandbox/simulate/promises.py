"""The promises of the design, one function each: the eight invariants and liveness.

`after_every_step` are cheap and run after every step of every life; `at_a_stage` when a mailbox reaches a new stage;
`at_the_end` over the whole world when it has come to rest.
"""

from collections.abc import Callable, Mapping

from bascule.domain.addresses import mailbox_key
from bascule.domain.codes import Code
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.simulate.life import ALIAS_TROUBLE, OUTAGES, DeedKind
from sandbox.simulate.order import in_order
from sandbox.simulate.seating import seats_suffice, seats_were_reserved
from sandbox.simulate.secrecy import no_secret_at_rest, no_secret_outstays, no_secret_passed
from sandbox.simulate.wholeness import (
    bounced_for_a_reason,
    no_probe_left,
    nothing_lost_or_doubled,
)
from sandbox.world.mail import header
from sandbox.world.verdict import redirected

HISTORY_EVENTS_MAX = 200
# Steps that change neither an alias nor the group: at one instant a look after another step has seen what they could show.
IDLE = frozenset(
    {
        "certify",
        "find_cloud_mailbox",
        "grant_wish",
        "list_keys",
        "read_mailbox",
        "read_marks",
        "read_progress",
        "record_progress",
        "report_late_sync",
        "see_sync",
        "serve_deltas",
        "survey_source",
        "validate_upload",
        "wake_stories",
    }
)
# The steps that give licences, and the looks from outside.
SEATING = frozenset({"ensure_account", "ensure_licence", "the end"})


def after_every_step(life: Existence, step: str, subject: str = "", answer: str = "") -> None:
    """The cheap ones, as often as what they look at can have changed."""
    now_utc = life.clock.now_utc()
    if now_utc != life.looked_utc or step not in IDLE:
        no_loop(life, step)
    if now_utc != life.looked_utc or step in SEATING:
        seats_suffice(life)
    life.looked_utc = now_utc
    in_order(life, step, subject, answer)
    seats_were_reserved(life, step, subject, answer)
    no_secret_passed(life)


def at_a_stage(life: Existence, record: MailboxRecord, before: Stage) -> None:
    """What must be true in the world when a stage is recorded."""
    no_secret_at_rest(life)
    if record.stage is Stage.SET_ASIDE:
        set_aside_has_a_cause(life, record)
    check, meddling = TRUTHS.get(record.stage, (None, ()))
    if check and before is not Stage.SET_ASIDE and not _was_done(life, record, meddling):
        check(life, record)


def at_the_end(life: Existence) -> None:
    """The expensive ones."""
    everything_rests(life)
    no_message_went_round(life)
    nothing_lost_or_doubled(life)
    bounced_for_a_reason(life)
    no_probe_left(life)
    no_secret_at_rest(life)
    no_secret_outstays(life)
    histories_are_short(life)
    no_step_broke(life)
    after_every_step(life, "the end")


# -- 1 no loop --------------------------------------------------------------------------------


def no_loop(life: Existence, step: str) -> None:
    """Nobody has both redirects at once: member for any transport server, and alias to the tenant."""
    for address in redirected(life.world):
        if is_member_anywhere(life, address):
            raise LifeBroken("1 no loop", f"{address} has both redirects after {step}")


def is_member_anywhere(life: Existence, address: str) -> bool:
    """Whether any transport server takes the address for a member of the group, old copies included."""
    groups = life.world.tenant.groups
    return any(
        groups.effective_member(guid, address, server)
        for guid in life.group_guids
        for server in range(life.weather.transport_server_count)
    )


def no_message_went_round(life: Existence) -> None:
    """No message crossed between source and tenant more often than once each way."""
    loops = life.world.trace.loops()
    if loops:
        raise LifeBroken("1 no loop", f"{loops[0].recipient}: {' '.join(loops[0].hops)}")


# -- 6 no false green -------------------------------------------------------------------------


def _account_is_open(life: Existence, record: MailboxRecord) -> None:
    box = life.world.tenant.mailboxes.at_address(record.address)
    user = life.world.tenant.directory.truth(record.address)
    _require(box is not None, record, "no open mailbox at its address")
    _require(user is not None and bool(user.licences), record, "no licensed account")


def _is_member(life: Existence, record: MailboxRecord) -> None:
    members = life.world.tenant.groups.members(life.names.group_address)
    addresses = {member.primary_address for member in members}
    _require(record.address in addresses, record, "not a member of the group")


def _is_copied_once(life: Existence, record: MailboxRecord) -> None:
    users = [u for u in life.world.tenant.migration.users() if u.address == record.address]
    is_copied = any(user.first_synced_utc is not None for user in users)
    _require(is_copied, record, "its first copy has not ended")


def _is_detached(life: Existence, record: MailboxRecord) -> None:
    is_member = is_member_anywhere(life, record.address)
    _require(not is_member, record, "a transport server still takes it for a member")


def _is_redirected(life: Existence, record: MailboxRecord) -> None:
    rows = life.world.aliases.rows_of(record.address)
    wanted = [life.world.naming.routing_address(record.address)]
    _require(rows == wanted, record, f"its alias is {rows}")
    _is_detached(life, record)


def _is_complete(life: Existence, record: MailboxRecord) -> None:
    missing = missing_in_cloud(life, record.address)
    _require(not missing, record, f"{missing} messages of the source are not in the cloud")


def _is_home(life: Existence, record: MailboxRecord) -> None:
    rows = life.world.aliases.rows_of(record.address)
    _require(rows == [record.route_home], record, f"its alias is {rows}")
    _is_member(life, record)


def missing_in_cloud(life: Existence, address: str) -> int:
    """How many messages of the source have no copy in the cloud; those over the limit left out."""
    source = life.world.source.at_address(address)
    cloud = life.world.tenant.mailboxes.at_address(address)
    if source is None or cloud is None:
        return 0 if source is None else len(list(source.store.walk()))
    limit_bytes = life.weather.migration_message_max_bytes
    old = {_id_of(m.raw) for _, m in source.store.walk() if len(m.raw) <= limit_bytes}
    return len(old - {_id_of(m.raw) for _, m in cloud.store.walk()} - {""})


def _id_of(raw: bytes) -> str:
    if (header(raw, "Subject") or "").startswith("Bascule probe"):
        return ""
    return header(raw, "Message-ID") or ""


def _require(is_so: bool, record: MailboxRecord, what: str) -> None:
    if not is_so:
        raise LifeBroken("6 no false green", f"{record.address} is {record.stage}, but {what}")


# Deeds that concern the mailboxes of their people and nobody else's.
PERSONAL = frozenset({*ALIAS_TROUBLE, DeedKind.USER_FAILED, DeedKind.PASSWORD_CHANGED})
# What must be true at a stage, and what a colleague may have undone between the proof and its record.
TRUTHS: Mapping[Stage, tuple[Callable[[Existence, MailboxRecord], None], tuple[DeedKind, ...]]] = {
    Stage.PROVISIONED: (_account_is_open, ()),
    Stage.COEXISTING: (_is_member, (DeedKind.GROUP_DELETED,)),
    Stage.SYNCED: (_is_copied_once, ()),
    Stage.DETACHED: (_is_detached, (DeedKind.GROUP_DELETED,)),
    Stage.REDIRECTED: (_is_redirected, (*ALIAS_TROUBLE, DeedKind.GROUP_DELETED)),
    Stage.PROVEN: (_is_complete, ()),
    Stage.ROLLED_BACK: (_is_home, (*ALIAS_TROUBLE, DeedKind.GROUP_DELETED)),
}


def _was_done(life: Existence, record: MailboxRecord, kinds: tuple[DeedKind, ...]) -> bool:
    """Whether any of these was done that can have met this mailbox."""
    number = life.number_of(record)
    return any(
        (kind, number) in life.done_to if kind in PERSONAL else life.done[kind] > 0
        for kind in kinds
    )


# -- 8 bounded --------------------------------------------------------------------------------


def histories_are_short(life: Existence) -> None:
    """No generation of a story is longer than promised."""
    for instance_id, count in life.host.longest.most_common(1):
        if count > HISTORY_EVENTS_MAX:
            raise LifeBroken("8 bounded", f"{instance_id} has a history of {count} events")


# -- 4 repeatable, and liveness ---------------------------------------------------------------


def no_step_broke(life: Existence) -> None:
    """Whatever is repeated, late or killed: no step and no story fails in a way nobody foresaw."""
    if life.host.broken:
        raise LifeBroken("4 repeatable", life.host.broken[-1])


def set_aside_has_a_cause(life: Existence, record: MailboxRecord) -> None:
    """The code names something that really is, or was, in the world."""
    code = record.code
    if code in NEVER:
        raise LifeBroken("liveness", f"{record.address} is set aside: {code} {record.detail}")
    causes = CAUSES.get(code) if code else None
    is_bad_weather = life.life.weather.graph_throttle_probability > 0 and code in PATIENCE
    is_outage = code in EXPIRED and any(life.done[kind] for kind in OUTAGES)
    is_caused = causes is None or _was_done(life, record, causes)
    if not (is_caused or is_bad_weather or is_outage):
        raise LifeBroken("liveness", f"{record.address}: {code} without a cause: {record.detail}")


def everything_rests(life: Existence) -> None:
    """In calm weather, mended and cut over, every mailbox comes to its end."""
    for record in life.records():
        is_home = record.stage is Stage.ROLLED_BACK and record.rollback_began_utc is None
        if not record.is_final and not is_home:
            where = f"{record.stage} {record.code or ''} {record.detail}"
            raise LifeBroken("liveness", f"{record.address} has come no further than {where}")
    registered = {record.key for record in life.records()}
    for person in life.people:
        if mailbox_key(person.address) not in registered:
            raise LifeBroken("liveness", f"{person.address} was uploaded and never registered")


GROUP_TROUBLE = (DeedKind.GROUP_DELETED, DeedKind.RULE_DELETED, DeedKind.CLOCK_JUMP)
SYNC_TROUBLE = (DeedKind.SYNC_STOPPED, DeedKind.USER_FAILED, DeedKind.PASSWORD_CHANGED)
NEVER = frozenset({Code.INVARIANT_BROKEN, Code.STEP_BROKEN, Code.SECRET_UNREADABLE})
# Codes that a long wait ends with: rough weather may be cause enough.
PATIENCE = frozenset(
    {Code.SERVICE_UNREACHABLE, Code.SOURCE_UNREACHABLE, Code.MAILBOX_NOT_OPEN, Code.SYNC_LATE}
)
# An outage that is longer than the patience of a stage ends with the code of that stage.
EXPIRED = PATIENCE | {
    Code.GROUP_NOT_JOINED,
    Code.DETACH_NOT_PROVEN,
    Code.REDIRECT_NOT_PROVEN,
    Code.ROLLBACK_NOT_PROVEN,
    Code.SOURCE_NOT_QUIET,
    Code.INCOMPLETE,
}
CAUSES: Mapping[Code, tuple[DeedKind, ...]] = {
    Code.ALIAS_MISSING: (DeedKind.ALIAS_REMOVED,),
    Code.ALIAS_UNEXPECTED: ALIAS_TROUBLE,
    Code.ALIAS_CHANGED: ALIAS_TROUBLE,
    Code.ALIAS_SECOND_DESTINATION: (DeedKind.ALIAS_DOUBLED,),
    Code.REDIRECT_NOT_PROVEN: ALIAS_TROUBLE,
    Code.NO_SEAT: (DeedKind.SEATS_TAKEN,),
    Code.GROUP_MISSING: (DeedKind.GROUP_DELETED,),
    Code.GROUP_NOT_JOINED: GROUP_TROUBLE,
    Code.DETACH_NOT_PROVEN: GROUP_TROUBLE,
    Code.ROLLBACK_NOT_PROVEN: (*GROUP_TROUBLE, *ALIAS_TROUBLE),
    Code.SOURCE_LOGIN_REFUSED: (DeedKind.PASSWORD_CHANGED,),
    Code.SYNC_LOGIN_REFUSED: (DeedKind.PASSWORD_CHANGED,),
    Code.SYNC_FAILED: SYNC_TROUBLE,
    Code.SYNC_STOPPED: SYNC_TROUBLE,
    Code.SYNC_LATE: SYNC_TROUBLE,
    Code.SOURCE_UNREACHABLE: (DeedKind.CLOCK_JUMP,),
    Code.MAILBOX_NOT_OPEN: (DeedKind.CLOCK_JUMP,),
    Code.SERVICE_UNREACHABLE: (DeedKind.CLOCK_JUMP,),
    Code.SOURCE_NOT_QUIET: (*SYNC_TROUBLE, *GROUP_TROUBLE),
    Code.INCOMPLETE: (*SYNC_TROUBLE, *GROUP_TROUBLE),
    Code.MESSAGE_NOT_BROUGHT_HOME: (),
    Code.REQUEST_REJECTED: (DeedKind.SYNC_STOPPED,),
    Code.ACCOUNT_CONFLICT: (),
    Code.ACCOUNT_INVALID: (),
    Code.ADDRESS_MISMATCH: (),
    Code.PERMISSION_MISSING: (),
    Code.SYNC_IN_OTHER_BATCH: (),
    Code.SYNC_RECIPIENT_MISSING: (),
}
