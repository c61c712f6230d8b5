"""Which messages of the cloud exist at the source, and which exist in the cloud alone.

Stricter than the certificate: a partner has the id and arrived in the same second, because two messages with one id
and other content may stand on either side. That the service gives its copies the time of arrival of their originals is
documented nowhere; where it does not, the id alone decides, or every copy would pass for a message of its own.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from bascule.domain.folders import Path
from bascule.domain.mail import MessageFacts

Placed = tuple[Path, MessageFacts]
"""A cloud message with its folder's path."""


class Partners:
    """The messages of the source, by which those of the cloud are judged."""

    def __init__(self, source: Iterable[MessageFacts]) -> None:
        self._by_arrival = Counter((message.message_id, message.arrival_s) for message in source)

    def unmatched(self, cloud: Iterable[Placed]) -> list[Placed]:
        """Those without a partner of the same id and second; each partner stands for one."""
        return self._left(cloud, self._by_arrival, lambda each: (each.message_id, each.arrival_s))

    def unmatched_by_id(self, cloud: Iterable[Placed]) -> list[Placed]:
        """Those without a partner of the same id; each partner stands for one."""
        by_id = Counter[Hashable]()
        for (message_id, _), count in self._by_arrival.items():
            if message_id:
                by_id[message_id] += count
        return self._left(cloud, by_id, lambda each: each.message_id)

    def know_an_id_of(self, cloud: Iterable[Placed]) -> bool:
        """Whether the source holds the id of any of them."""
        wanted = {message.message_id for _, message in cloud if message.message_id}
        return any(message_id in wanted for message_id, _ in self._by_arrival)

    def arrived_alike(self, cloud: Iterable[MessageFacts]) -> bool:
        """Whether most messages whose id both sides hold arrived in the same second on both."""
        ids = {message_id for message_id, _ in self._by_arrival if message_id}
        shared_count = alike_count = 0
        for message in cloud:
            if message.message_id in ids:
                shared_count += 1
                alike_count += (message.message_id, message.arrival_s) in self._by_arrival
        return 2 * alike_count >= shared_count

    def _left(
        self,
        cloud: Iterable[Placed],
        held: Counter[Any],
        identity: Callable[[MessageFacts], Hashable],
    ) -> list[Placed]:
        taken = Counter[Hashable]()

        def has_partner(message: MessageFacts) -> bool:
            key, nameless = identity(message), ("", message.arrival_s)
            # One without an id at the source is told by its second alone; the tenant may have given it an id.
            for place, count in ((key, held[key]), (nameless, self._by_arrival[nameless])):
                if taken[place] < count:
                    taken[place] += 1
                    return True
            return False

        return [(path, message) for path, message in cloud if not has_partner(message)]
