"""Carrying out what a life says that people do: operators at the API, users writing mail, colleagues who change things."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from activities.wake_stories import revive_batch, wake_batch, wake_mailboxes
from bascule.domain.addresses import mailbox_key
from bascule.domain.records import Wish
from bascule.domain.requests import WakeRequest, WishProgress, WishRequest
from bascule.domain.stages import LIFE, Stage
from sandbox.in_process.plan import LICENCE, STAFF_LICENCE, batch_csv
from sandbox.simulate.alias_deeds import (
    bypass_alias,
    double_alias,
    edit_alias,
    home_alias,
    mend_alias,
    mend_bypass,
    remove_alias,
)
from sandbox.simulate.existence import Existence
from sandbox.simulate.life import Deed, DeedKind
from sandbox.simulate.order import redirects_now
from sandbox.simulate.passwords import given_password
from sandbox.world.coexistence import GROUP_LOCAL_PART, RULE_NAME, coexistence_rule
from sandbox.world.exchange_refusals import ExchangeRefusal, MemberAlready, NotFound
from sandbox.world.groups import DistributionGroup
from sandbox.world.licences import Seats
from sandbox.world.population import Person
from sandbox.world.traffic import Refused
from triggers.schedule import unjudged, unmoved

OPERATOR = "operator@example.org"
COLLEAGUE = "colleague@exampleorg.onmicrosoft.com"
# A difference of style that the operator is asked about: the person's name as another system spells it.
OTHER_NAME = "Renommé"
NEXT_SEATS = 1_000
IN_COEXISTENCE = frozenset(
    {*LIFE[LIFE.index(Stage.COEXISTING) : LIFE.index(Stage.SYNCED) + 1], Stage.ROLLED_BACK}
)


def do(life: Existence, deed: Deed) -> None:
    """Do one deed, now."""
    life.chronicle.note(
        f"deed {deed.kind} batch {deed.batch} people {deed.people} {deed.amount:.0f}"
    )
    life.done[deed.kind] += 1
    life.look(life, f"whatever was before {deed.kind}", "", "")
    DEEDS[deed.kind](life, deed)
    life.troubles.note(deed, life.clock.now_utc())
    by_hand(life)


def by_hand(life: Existence) -> None:
    """What people have done to aliases and group is no step's doing: the next look begins from here."""
    life.redirects = redirects_now(life)


def batch_name(number: int) -> str:
    """The name of a life's batch."""
    return f"lot-{number + 1}"


# -- operators --------------------------------------------------------------------------------


def upload(life: Existence, deed: Deed) -> None:
    """Put the batch's file where uploads are expected; its trigger fires."""
    _upload(life, deed.batch, {})


def _upload(
    life: Existence,
    batch: int,
    columns: Mapping[str, Mapping[str, str]],
    without: tuple[int, ...] = (),
) -> None:
    people = [life.people[n] for n in life.life.batches[batch] if n not in without]
    cells: dict[str, dict[str, str]] = {
        person.address: {"Cohort": "staff"} for person in people if _is_staff(life, person)
    }
    for number in life.life.given:
        cells.setdefault(life.people[number].address, {})["NewPassword"] = given_password(
            life.life, number
        )
    for address, changed in columns.items():
        cells.setdefault(address, {}).update(changed)
    life.ports.blobs.upload(batch_name(batch), batch_csv(people, cells))
    life.ask(wake_batch(life.client(), batch_name(batch)))


def _is_staff(life: Existence, person: Person) -> bool:
    return life.people.index(person) in life.life.staff


def _upload_changed(life: Existence, deed: Deed) -> None:
    person = life.people[deed.people[0]]
    _upload(life, deed.batch, {person.address: {"DisplayName": OTHER_NAME}})


def _upload_short(life: Existence, deed: Deed) -> None:
    """A file in which somebody is missing; one of nobody would be refused for that."""
    if len(life.life.batches[deed.batch]) > 1:
        _upload(life, deed.batch, {}, without=deed.people)


def _upload_dated(life: Existence, deed: Deed) -> None:
    """A file whose row names the instant of the cutover."""
    at_utc = life.clock.now_utc() + timedelta(hours=deed.amount)
    person = life.people[deed.people[0]]
    _upload(life, deed.batch, {person.address: {"CutoverAtUtc": f"{at_utc:%Y-%m-%dT%H:%M:%SZ}"}})


def upload_forgotten(life: Existence, batch: int, people: Iterable[Person]) -> None:
    """What an administrator does about rows that were forgotten: the whole file, accepted; after the batch's end, one of their own."""
    do(life, Deed(0.0, DeedKind.UPLOAD_AGAIN, batch))
    life.settle()
    do(life, Deed(0.0, DeedKind.ACCEPT_DIFFERENCE, batch))
    name = batch_name(batch)
    found = life.ports.ledger.find_batch(name)
    if found is not None and found.closed_utc is not None:
        life.settle()
        late = f"{name}-late"
        life.ports.blobs.upload(late, batch_csv(people))
        life.ask(wake_batch(life.client(), late))


def _accept(life: Existence, deed: Deed) -> None:
    name = batch_name(deed.batch)
    if life.ports.ledger.find_batch(name) is not None:
        life.ports.ledger.amend_batch(
            name, lambda row: replace(row, accepted_fingerprint=row.pending_fingerprint)
        )
        life.ask(wake_batch(life.client(), name))


def _wish(wish: Wish) -> Callable[[Existence, Deed], None]:
    def ask(life: Existence, deed: Deed) -> None:
        keys = tuple(mailbox_key(life.people[number].address) for number in deed.people)
        ask_wish(life, batch_name(deed.batch), wish, keys, deed.amount)

    return ask


def ask_wish(
    life: Existence, batch: str, wish: Wish, keys: tuple[str, ...], in_hours: float = 0.0
) -> None:
    """Ask as the API does; large messages are waived, because the operator has read the survey."""
    at_utc = life.clock.now_utc() + timedelta(hours=in_hours) if in_hours else None
    waived = ("message_too_large",) if wish is Wish.CUTOVER else ()
    life.start_story(
        wish.value, WishProgress(WishRequest(batch, wish, keys, OPERATOR, at_utc, waived))
    )


def _watch(life: Existence, _: Deed) -> None:
    for batch, keys in unmoved(life.ports).items():
        if keys:
            life.ask(wake_mailboxes(life.client(), WakeRequest(batch, keys)))
        life.ask(revive_batch(life.client(), batch))
    for batch in unjudged(life.ports):
        life.ask(revive_batch(life.client(), batch))


# -- people who write -------------------------------------------------------------------------


def _mail_outside(life: Existence, deed: Deed) -> None:
    try:
        life.world.mail_from_outside(life.people[deed.people[0]].address)
    except Refused:
        life.chronicle.note("the sender was told: no such recipient")


def _mail_inside(life: Existence, deed: Deed) -> None:
    life.world.mail_from_inside(COLLEAGUE, life.people[deed.people[0]].address)


# -- colleagues who change things -------------------------------------------------------------


def _delete_group(life: Existence, _: Deed) -> None:
    if life.world.tenant.groups.written(life.names.group_address) is not None:
        life.world.tenant.groups.remove(life.names.group_address)


def mend_group(life: Existence) -> None:
    """Make the group anew with everybody who has not begun to leave or is home again, and bind the rule to it."""
    groups = life.world.tenant.groups
    if groups.written(life.names.group_address) is None:
        group = DistributionGroup(
            guid=groups.new_guid(),
            name=GROUP_LOCAL_PART,
            display_name="Utilisateurs non migrés",
            alias=GROUP_LOCAL_PART,
            primary_address=life.names.group_address,
            is_hidden=True,
        )
        groups.create(group)
        life.group_guids.append(group.guid)
        _remove_rule(life)
    members = {member.primary_address for member in groups.members(life.names.group_address)}
    for record in life.records():
        was_given_up = record.stage is Stage.ABANDONED and record.joined_group_utc is not None
        is_in = record.proven_stage in IN_COEXISTENCE and not record.has_begun_cutover
        stays = is_in or was_given_up
        if stays and record.address not in members:
            groups.add_member(life.names.group_address, record.address)
    mend_rule(life)


def _add_member(life: Existence, deed: Deed) -> None:
    """Put somebody back into the group whose alias still leads home; who has both redirects already is beyond any product."""
    address = life.people[deed.people[0]].address
    if life.world.aliases.rows_of(address) == [life.world.naming.source_address(address)]:
        with suppress(MemberAlready, NotFound):
            life.world.tenant.groups.add_member(life.names.group_address, address)


def _remove_rule(life: Existence) -> None:
    try:
        life.world.tenant.rules.remove_rule(RULE_NAME)
    except ExchangeRefusal:
        life.chronicle.note("the rule was gone already")


def mend_rule(life: Existence) -> None:
    """Make the rule anew if it is gone and the group is there."""
    rules, groups = life.world.tenant.rules, life.world.tenant.groups
    if groups.written(life.names.group_address) is None:
        return
    try:
        rules.rule_written(RULE_NAME)
    except ExchangeRefusal:
        rules.add_rule(coexistence_rule(life.names.group_address), priority=0)


def _take_seats(life: Existence, deed: Deed) -> None:
    """Seats of the licence that the deed's person is to get. Others take free ones only; nobody can take one in use."""
    is_staff = any(number in life.life.staff for number in deed.people)
    licence = STAFF_LICENCE if is_staff else LICENCE
    directory = life.world.tenant.directory
    sku_id = directory.shelf.by_part_number(licence).sku_id
    enabled = directory.shelf.seats[sku_id].enabled - int(deed.amount)
    directory.buy(licence, Seats(enabled=max(enabled, directory.consumed(sku_id))))


def free_seats(life: Existence) -> None:
    """Buy enough of everything."""
    directory = life.world.tenant.directory
    for product in directory.shelf.products.values():
        directory.buy(product.part_number, Seats(enabled=NEXT_SEATS))


def _stop_sync(life: Existence, deed: Deed) -> None:
    _try_exchange(life, lambda: life.world.tenant.migration.stop_batch(batch_name(deed.batch)))


def start_syncs(life: Existence) -> None:
    """Start whatever migration batch stands still."""
    migration = life.world.tenant.migration
    for batch in migration.batches():
        if str(migration.status_of(batch)) in {"Stopped", "SyncedWithErrors", "Failed"}:
            _try_exchange(life, lambda name=batch.name: migration.start_batch(name))  # type: ignore[misc]


def _try_exchange(life: Existence, act: Callable[[], None]) -> None:
    try:
        act()
    except ExchangeRefusal as no:
        life.chronicle.note(f"Exchange refused: {type(no).__name__}")


def _fail_user(life: Existence, deed: Deed) -> None:
    address = life.people[deed.people[0]].address
    migration = life.world.tenant.migration
    with life.world.kernel.look():
        for user in migration.users():
            if user.address == address:
                migration.engine.fail(user, "TransientConnectionError", "The connection was lost.")


def _change_password(life: Existence, deed: Deed) -> None:
    person = life.people[deed.people[0]]
    box = life.world.source.at_address(person.address)
    if box is not None:
        box.password = f"{person.password} changed"


def mend_passwords(life: Existence, numbers: Iterable[int]) -> None:
    """Set the passwords to what the batch file says."""
    for number in numbers:
        person = life.people[number]
        box = life.world.source.at_address(person.address)
        if box is not None:
            box.password = person.password


# -- clocks -----------------------------------------------------------------------------------


def _jump(life: Existence, deed: Deed) -> None:
    # The host sleeps, the world goes on: every timer that fell into the gap is late.
    life.clock.advance_to(life.clock.now_utc() + timedelta(hours=deed.amount))


def _skew(life: Existence, deed: Deed) -> None:
    life.product_clock.skew = timedelta(seconds=deed.amount)


# -- what is behind the ports -----------------------------------------------------------------


def _go_down(life: Existence, deed: Deed) -> None:
    """What the product and the migration service see of an outage; between the tenant and the source mail goes on."""
    life.down_until_utc[deed.kind] = life.clock.now_utc() + timedelta(hours=deed.amount)


DEEDS: Mapping[DeedKind, Callable[[Existence, Deed], None]] = {
    DeedKind.UPLOAD: upload,
    DeedKind.UPLOAD_AGAIN: upload,
    DeedKind.UPLOAD_CHANGED: _upload_changed,
    DeedKind.UPLOAD_SHORT: _upload_short,
    DeedKind.UPLOAD_DATED: _upload_dated,
    DeedKind.ACCEPT_DIFFERENCE: _accept,
    DeedKind.CUTOVER: _wish(Wish.CUTOVER),
    DeedKind.ROLLBACK: _wish(Wish.ROLLBACK),
    DeedKind.RETRY: _wish(Wish.RETRY),
    DeedKind.ABANDON: _wish(Wish.ABANDON),
    DeedKind.SURVEY: _wish(Wish.SURVEY),
    DeedKind.MAIL_OUTSIDE: _mail_outside,
    DeedKind.MAIL_INSIDE: _mail_inside,
    DeedKind.ALIAS_EDITED: edit_alias,
    DeedKind.ALIAS_DOUBLED: double_alias,
    DeedKind.ALIAS_REMOVED: remove_alias,
    DeedKind.ALIAS_HOMED: home_alias,
    DeedKind.ALIAS_MENDED: lambda life, deed: mend_alias(life, deed.people[0]),
    DeedKind.ALIAS_BYPASSED: bypass_alias,
    DeedKind.BYPASS_MENDED: lambda life, deed: mend_bypass(life, deed.people[0]),
    DeedKind.GROUP_DELETED: _delete_group,
    DeedKind.GROUP_MENDED: lambda life, _: mend_group(life),
    DeedKind.MEMBER_ADDED: _add_member,
    DeedKind.RULE_DELETED: lambda life, _: _remove_rule(life),
    DeedKind.RULE_MENDED: lambda life, _: mend_rule(life),
    DeedKind.SEATS_TAKEN: _take_seats,
    DeedKind.SEATS_FREED: lambda life, _: free_seats(life),
    DeedKind.SYNC_STOPPED: _stop_sync,
    DeedKind.SYNC_STARTED: lambda life, _: start_syncs(life),
    DeedKind.USER_FAILED: _fail_user,
    DeedKind.PASSWORD_CHANGED: _change_password,
    DeedKind.PASSWORD_MENDED: lambda life, deed: mend_passwords(life, deed.people),
    DeedKind.CLOCK_JUMP: _jump,
    DeedKind.CLOCK_SKEW: _skew,
    DeedKind.SOURCE_DOWN: _go_down,
    DeedKind.GRAPH_DOWN: _go_down,
    DeedKind.EXCHANGE_DOWN: _go_down,
    DeedKind.WATCHDOG: _watch,
}
