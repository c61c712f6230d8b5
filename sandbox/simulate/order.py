"""Invariant 3: out of the group, proven, before the alias is turned; and on the way back the alias, read back, before the group."""

from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.stages import CUT_OVER
from sandbox.simulate.books import Redirects
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.world.verdict import redirected

READ_BACK = "check_route"


def in_order(life: Existence, step: str, subject: str, answer: str) -> None:
    """Hold every redirect that is new since the last look against the ledger's row of that mailbox."""
    if (step, answer) == (READ_BACK, "Done"):
        _note_read_home(life, subject)
    before, now = life.redirects, redirects_now(life)
    life.redirects = now
    if (now.pointing, now.members) == (before.pointing, before.members):
        return
    rows = {row.address: row for row in life.records()}
    for address in sorted((now.pointing - before.pointing) & rows.keys()):
        _check_turned(rows[address], step)
    for address in sorted((now.members - before.members) & rows.keys()):
        _check_joined(rows[address], before, step)
    for address in sorted((before.members - now.members) & rows.keys()):
        _check_left(rows[address], step)


def redirects_now(life: Existence) -> Redirects:
    """Who has which redirect as written now; what was read back so far is carried on."""
    groups, group = life.world.tenant.groups, life.names.group_address
    members = groups.members(group) if groups.written(group) is not None else ()
    return Redirects(
        frozenset(redirected(life.world)),
        frozenset(member.primary_address for member in members),
        life.redirects.read_home,
    )


def _note_read_home(life: Existence, key: str) -> None:
    for row in life.records():
        is_home = life.world.aliases.rows_of(row.address) == [row.route_home]
        if row.key == key and row.rollback_began_utc is not None and is_home:
            life.redirects.read_home.add((row.address, row.rollback_began_utc))


def _check_turned(row: MailboxRecord, step: str) -> None:
    if row.proven_stage not in CUT_OVER:
        where = f"at {row.proven_stage}, DETACHED neither proven nor recorded"
        raise LifeBroken("3 order", f"the alias of {row.address} was turned {where}, by {step}")
    if row.rollback_began_utc is not None:
        raise LifeBroken("3 order", f"{step} turned the alias of {row.address} on its way back")


def _check_joined(row: MailboxRecord, before: Redirects, step: str) -> None:
    if row.rollback_began_utc is None:
        if row.has_begun_cutover:
            what = "joined the group in its cutover, and no rollback has begun"
            raise LifeBroken("3 order", f"{row.address} {what}: {step}")
    elif (row.address, row.rollback_began_utc) not in before.read_home:
        what = "joined the group again before its alias was read back at home"
        raise LifeBroken("3 order", f"{row.address} {what}: {step}")


def _check_left(row: MailboxRecord, step: str) -> None:
    # A rollback that was granted meanwhile has taken the instant back, and its story serves it at its next look.
    if row.wish is not Wish.ROLLBACK and not _was_due(row):
        raise LifeBroken(
            "3 order", f"{step} took {row.address} out of the group before its instant"
        )
    if row.detach_began_utc is None or row.rollback_began_utc is not None:
        raise LifeBroken("3 order", f"{step} took {row.address} out of the group, in no cutover")


def _was_due(row: MailboxRecord) -> bool:
    began_utc, due_utc = row.detach_began_utc, row.cutover_at_utc
    return began_utc is None or (due_utc is not None and due_utc <= began_utc)
