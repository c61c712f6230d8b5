"""What a person at the terminal sees while it goes on."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

ORDER = (
    "REGISTERED",
    "SURVEYED",
    "PROVISIONED",
    "COEXISTING",
    "SYNCING",
    "SYNCED",
    "DETACHED",
    "REDIRECTED",
    "FINAL_SYNC",
    "PROVEN",
    "MIGRATED",
    "ROLLED_BACK",
    "SET_ASIDE",
)


class Progress:
    """Prints a line when something has changed."""

    def __init__(self, start_utc: datetime) -> None:
        self._start_s = time.monotonic()
        self._start_utc = start_utc
        self._last = ""
        self._codes: dict[str, str] = {}

    @property
    def wall_s(self) -> float:
        """Real seconds since the beginning."""
        return time.monotonic() - self._start_s

    def act(self, title: str) -> None:
        """The beginning of an act."""
        print(f"\n{self.wall_s:6.1f} s  {title}", flush=True)

    def stages(self, mailboxes: Mapping[str, dict[str, Any]], now_utc: datetime) -> None:
        """How many mailboxes stand where, and who was set aside."""
        counts = Counter(str(row["stage"]) for row in mailboxes.values())
        line = "  ".join(f"{stage} {counts[stage]}" for stage in ORDER if counts[stage])
        for address, row in mailboxes.items():
            self._say_code(address, str(row["code"] or ""))
        if line and line != self._last:
            hours = (now_utc - self._start_utc).total_seconds() / 3600
            print(f"{self.wall_s:6.1f} s  [{hours:5.1f} h]  {line}", flush=True)
            self._last = line

    def outcome(self, wish: str, result: Mapping[str, Any]) -> None:
        """Who takes a wish and who does not."""
        print(f"          {wish}: {result['granted']} mailboxes; {result['refused_count']} cannot:")
        for refusal in result["refused"]:
            print(f"            {refusal['address']}: {refusal['why']}", flush=True)

    def _say_code(self, address: str, code: str) -> None:
        if code and self._codes.get(address) != code:
            print(f"          {address} was set aside: {code}", flush=True)
        self._codes[address] = code
