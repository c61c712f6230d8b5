"""What colleagues do by hand in the alias table, and how they put it right again."""

from collections.abc import Callable

from bascule.domain.records import MailboxRecord
from sandbox.simulate.existence import Existence
from sandbox.simulate.life import Deed
from sandbox.world.population import Person


def _alias(life: Existence, deed: Deed, change: Callable[[list[str]], list[str]]) -> None:
    address = life.people[deed.people[0]].address
    with life.world.kernel.look():
        life.world.aliases.edit_by_hand(address, change(life.world.aliases.rows_of(address)))


def edit_alias(life: Existence, deed: Deed) -> None:
    """Let it lead elsewhere."""
    _alias(life, deed, lambda _: ["archive@elsewhere.example"])


def double_alias(life: Existence, deed: Deed) -> None:
    """Let it lead to another place as well."""
    _alias(life, deed, lambda rows: [*rows, "archive@elsewhere.example"])


def remove_alias(life: Existence, deed: Deed) -> None:
    """Take it out of the table."""
    _alias(life, deed, lambda _: [])


def home_alias(life: Existence, deed: Deed) -> None:
    """Turn it home again, as an old provisioning job does with somebody who has moved."""
    person = life.people[deed.people[0]]
    record = _record_of(life, person)
    if record is not None and _lives_in_cloud(record):
        _alias(life, deed, lambda _: [life.world.naming.source_address(person.address)])
        life.homed.add(person.address)


def bypass_alias(life: Existence, deed: Deed) -> None:
    """A second address that leads straight home, and somebody who writes to it at once."""
    address = life.people[deed.people[0]].address
    naming, aliases = life.world.naming, life.world.aliases
    with life.world.kernel.look():
        if aliases.rows_of(address) != [naming.routing_address(address)]:
            life.bypassed.add(address)
        aliases.edit_by_hand(_second_address(address), [naming.source_address(address)])
    life.world.mail_from_outside(_second_address(address))


def mend_bypass(life: Existence, number: int) -> None:
    """Let the second address, if there is one, lead to the first."""
    address = life.people[number].address
    with life.world.kernel.look():
        if life.world.aliases.rows_of(_second_address(address)):
            life.world.aliases.edit_by_hand(_second_address(address), [address])
    life.bypassed.discard(address)


def _second_address(address: str) -> str:
    return f"autre.{address}"


def mend_alias(life: Existence, number: int) -> None:
    """Put the row where the ledger says that the mailbox lives."""
    person = life.people[number]
    record = _record_of(life, person)
    naming = life.world.naming
    home, cloud = naming.source_address(person.address), naming.routing_address(person.address)
    with life.world.kernel.look():
        rows = life.world.aliases.rows_of(person.address)
        wanted = cloud if record is not None and _lives_in_cloud(record) else home
        was_homed = rows == [home] and person.address in life.homed
        if was_homed or rows not in ([home], [cloud]):
            life.world.aliases.edit_by_hand(person.address, [wanted])
    life.homed.discard(person.address)


def _lives_in_cloud(record: MailboxRecord) -> bool:
    """Whether its alias was turned by the cutover that has begun; the instant of an earlier one still stands in the row."""
    redirected_utc, began_utc = record.redirected_utc, record.detach_began_utc
    if redirected_utc is None or began_utc is None or record.rollback_began_utc is not None:
        return False
    return redirected_utc > began_utc


def _record_of(life: Existence, person: Person) -> MailboxRecord | None:
    return next((row for row in life.records() if row.address == person.address), None)
