"""What time it is."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of instants outside stories."""

    def now_utc(self) -> datetime:
        """The instant of now, aware, in UTC; never goes back within one process."""
        ...
