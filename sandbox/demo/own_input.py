"""The operator's own batch file as the source's people: who is in it gets a mailbox, right or wrong as the row may be."""

import csv

from bascule.domain.addresses import address_problem, local_part, normal_address
from bascule.domain.batch_encoding import decode_file
from bascule.domain.batch_header import delimiter_of
from sandbox.world.population import Person

ADDRESS, USER_NAME, PASSWORD, DISPLAY_NAME = "emailaddress", "username", "password", "displayname"


def people_of(content: bytes) -> tuple[Person, ...]:
    """Everybody whose row has an address and a user name of their own; the product judges the rest.

    Raises:
        BatchFileInvalid: the file cannot be read as text.
        ValueError: nobody is in it.
    """
    text = decode_file(content).text
    lines = text.splitlines()
    rows = csv.DictReader(lines, delimiter=delimiter_of(lines[0]) if lines else ",")
    people: list[Person] = []
    taken: set[str] = set()
    for row in rows:
        cells = {str(name).strip().lower(): str(cell or "") for name, cell in row.items()}
        address = normal_address(cells.get(ADDRESS, ""))
        user_name = cells.get(USER_NAME) or local_part(address)
        if address_problem(address) is None and not taken & {address, user_name}:
            name = cells.get(DISPLAY_NAME) or local_part(address)
            people.append(Person(address, name, user_name, cells.get(PASSWORD, "")))
            taken |= {address, user_name}
    if not people:
        raise ValueError("no row of the file has an address: its first line must name its columns")
    return tuple(people)
