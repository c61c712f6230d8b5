"""The promises of the design, one function each: the eight invariants and liveness.

`after_every_step` are cheap and run after every step of every life; `at_a_stage` when a mailbox reaches a new stage;
`at_the_end` over the whole world when it has come to rest.
"""

from collections import Counter

from bascule.domain.addresses import mailbox_key
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.stages import Stage
from sandbox.in_process.plan import NOTICE_SUBJECT
from sandbox.simulate.excuses import set_aside_has_a_cause
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.simulate.order import in_order
from sandbox.simulate.seating import seats_suffice, seats_were_reserved
from sandbox.simulate.secrecy import no_secret_at_rest, no_secret_outstays, no_secret_passed
from sandbox.simulate.truths import is_member_anywhere, is_true, note_certified
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
        "find_bypasses",
        "find_cloud_mailbox",
        "find_membership",
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
    note_certified(life, step, subject, answer)
    no_secret_passed(life)


def at_a_stage(life: Existence, record: MailboxRecord, before: Stage) -> None:
    """What must be true in the world when a stage is recorded."""
    if (before, record.stage) == (Stage.PROVEN, Stage.MIGRATED):
        life.told[record.address] += 1
    no_secret_at_rest(life)
    if record.stage is Stage.SET_ASIDE:
        set_aside_has_a_cause(life, record)
    is_true(life, record)


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
    no_effect_doubled(life)
    after_every_step(life, "the end")


# -- 1 no loop --------------------------------------------------------------------------------


def no_loop(life: Existence, step: str) -> None:
    """Nobody has both redirects at once: member for any transport server, and alias to the tenant."""
    for address in redirected(life.world):
        if is_member_anywhere(life, address):
            raise LifeBroken("1 no loop", f"{address} has both redirects after {step}")


def no_message_went_round(life: Existence) -> None:
    """No message crossed between source and tenant more often than once each way."""
    loops = life.world.trace.loops()
    if loops:
        raise LifeBroken("1 no loop", f"{loops[0].recipient}: {' '.join(loops[0].hops)}")


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


def no_effect_doubled(life: Existence) -> None:
    """Nobody is told more often than they have moved, and no account is created twice."""
    created = Counter(note.key for note in life.ports.journal.kept() if note.effect == "account")
    for key, count in created.items():
        if count > 1:
            raise LifeBroken("4 repeatable", f"the account of {key} was created {count} times")
    for box in life.world.tenant.mailboxes.all():
        subjects = Counter(header(message.raw, "Subject") for _, message in box.store.walk())
        notice_count, moved_count = subjects[NOTICE_SUBJECT], life.told[box.primary_address]
        if notice_count > moved_count:
            what = f"{box.primary_address} was told {notice_count} times of {moved_count} moves"
            raise LifeBroken("4 repeatable", what)


def everything_rests(life: Existence) -> None:
    """In calm weather, mended and cut over, every mailbox comes to its end."""
    for record in life.records():
        is_home = record.stage is Stage.ROLLED_BACK and record.rollback_began_utc is None
        rests = is_home and record.wish is Wish.NONE
        if not record.is_final and not rests:
            where = f"{record.stage} {record.wish} {record.code or ''} {record.detail}"
            raise LifeBroken("liveness", f"{record.address} has come no further than {where}")
    registered = {record.key for record in life.records()}
    for person in life.people:
        if mailbox_key(person.address) not in registered:
            raise LifeBroken("liveness", f"{person.address} was uploaded and never registered")
