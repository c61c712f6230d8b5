"""Unique names for new objects: short where nobody else has the short one."""

from collections import Counter
from collections.abc import Iterable

from bascule.domain.addresses import local_part, mailbox_key
from bascule.domain.directory_objects.found import Roll

# New-DistributionGroup, parameters Name and Alias: at most 64 characters, unique in the organisation.
NAME_LENGTH_MAX = 64


class Names:
    """Gives every address the same name each time, whatever is created in between."""

    def __init__(self, addresses: Iterable[str], roll: Roll) -> None:
        self._counts = Counter(local_part(address) for address in addresses)
        self._roll = roll

    def of(self, address: str) -> str:
        """What stands before the @, or the address's key where that is taken, shared or too long."""
        short = local_part(address)
        is_free = self._counts[short] <= 1 and not self._roll.is_taken(short)
        return short if is_free and len(short) <= NAME_LENGTH_MAX else mailbox_key(address)
