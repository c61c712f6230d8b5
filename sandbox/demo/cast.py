"""Who takes part, and which of them the story gives trouble."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from sandbox.world.naming import Naming
from sandbox.world.population import Person, populate, populate_from_folder
from sandbox.world.sample_mail import fill
from sandbox.world.world import World

# Three are set aside, one is rolled back; the rest shows that they go on undisturbed.
MAILBOX_COUNT_MIN = 12
MESSAGES_EACH = 14
OVER_LIMIT_BYTES = 300 * 1024
COLUMNS = ("EmailAddress", "UserName", "Password", "DisplayName", "Cohort")
WRONG_PASSWORD = "not the password that Dovecot knows"


@dataclass(frozen=True)
class Cast:
    """The people, and the roles of four of them; no roles when the operator brings their own people."""

    people: tuple[Person, ...]
    csv: bytes
    wrong_password: str = ""
    without_seat: str = ""
    alias_edited: str = ""
    rolled_back: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of everybody in the batch."""
        return tuple(person.address for person in self.people)


def scripted_cast(world: World, count: int) -> Cast:
    """Drawn under the world's seed, with awkward mail; the last four have a role."""
    people = tuple(
        populate(world, count, messages_each=MESSAGES_EACH, over_limit_bytes=OVER_LIMIT_BYTES)
    )
    wrong, seatless, edited, back = (person.address for person in people[-4:])
    return Cast(
        people,
        _csv(people, wrong_password=wrong, staff=seatless),
        wrong_password=wrong,
        without_seat=seatless,
        alias_edited=edited,
        rolled_back=back,
    )


def cast_from_mail(world: World, folder: Path) -> Cast:
    """The mailboxes of a folder on disk, all to be migrated."""
    people = tuple(populate_from_folder(world, folder))
    return Cast(people, _csv(people))


def cast_from_csv(world: World, content: bytes, people: tuple[Person, ...]) -> Cast:
    """The rows of the operator's own file, each with a mailbox of sample mail at the source."""
    with world.kernel.look():
        for person in people:
            box = world.source.add(person.address, person.password, person.user_name)
            home = world.naming.source_address(person.address)
            world.aliases.edit_by_hand(person.address, [home])
            luck = world.kernel.chance(f"mail of {person.address}")
            fill(box, luck, message_count=MESSAGES_EACH, now_utc=world.kernel.now_utc())
        world.take_stock()
    return Cast(people, content)


def naming_for(addresses: tuple[str, ...]) -> Naming:
    """The names of the organisation whose addresses these are. Raises ValueError for more than one domain."""
    domains = {address.rpartition("@")[2].lower() for address in addresses}
    if len(domains) != 1:
        raise ValueError(f"the sandbox plays one domain at a time, the file has {len(domains)}")
    domain = domains.pop()
    return Naming(domain, f"ca.{domain}", f"{domain.replace('.', '')}.onmicrosoft.com")


def _csv(people: tuple[Person, ...], wrong_password: str = "", staff: str = "") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(COLUMNS)
    for person in people:
        password = WRONG_PASSWORD if person.address == wrong_password else person.password
        cohort = "staff" if person.address == staff else ""
        writer.writerow([person.address, person.user_name, password, person.display_name, cohort])
    return text.getvalue().encode()
