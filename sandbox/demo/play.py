"""The play: what the operator does, what people do by hand, and what must have become of each mailbox."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.demo.cast import Cast
from sandbox.demo.progress import Progress
from sandbox.demo.traffic import Traffic
from sandbox.rig.rig import Rig
from sandbox.world.directory import User
from sandbox.world.licences import LicenceChange, Seats

BATCH = "rentree"
LOOK_INTERVAL_S = 0.4
# Real seconds; a loaded machine may need several times what an idle one does.
ACT_PATIENCE_S = 240.0
SEAT_LOOK_S = 0.005
DRAIN_PATIENCE_S = 60.0
STRANGER = "nouvelle.collegue"
STUDENT, STAFF = "STANDARDWOFFPACK_STUDENT", "STANDARDWOFFPACK_FACULTY"


class Play:
    """One performance; `stages` is what the API said last."""

    def __init__(self, rig: Rig, cast: Cast, traffic: Traffic, progress: Progress) -> None:
        self._rig = rig
        self._cast = cast
        self._traffic = traffic
        self._say = progress
        self.mailboxes: dict[str, dict[str, Any]] = {}
        self.arrived_home = not cast.rolled_back

    def perform(self) -> None:
        """Every act in order. Raises TimeoutError when one does not come to its end."""
        self._upload()
        self._cut_over()
        self._repair_and_roll_back()

    def expected_ends(self) -> dict[str, tuple[str, str]]:
        """{address: (stage, code)} as the story must end."""
        ends = dict.fromkeys(self._cast.addresses, ("MIGRATED", ""))
        for address, code in (
            (self._cast.wrong_password, "source_login_refused"),
            (self._cast.without_seat, "no_seat"),
        ):
            if address:
                ends[address] = ("SET_ASIDE", code)
        if self._cast.rolled_back:
            ends[self._cast.rolled_back] = ("ROLLED_BACK", "")
        return ends

    def _upload(self) -> None:
        self._say.act("The operator uploads the batch")
        if self._cast.without_seat:
            threading.Thread(target=self._take_the_last_seat, daemon=True).start()
        self._rig.upload(BATCH, self._cast.csv)
        self._wait_for(self._cast.addresses, {"SYNCED", "SET_ASIDE"})

    def _cut_over(self) -> None:
        if self._cast.alias_edited:
            self._say.act("Somebody edits an alias row by hand")
            self._edit_alias(self._cast.alias_edited)
        self._say.act("D-day: the operator asks for the cutover of everybody")
        self._ask("cutover", "all")
        self._wait_for(self._cast.addresses, {"MIGRATED", "SET_ASIDE"})

    def _repair_and_roll_back(self) -> None:
        if not self._cast.alias_edited:
            return
        self._say.act("The alias row is mended and the mailbox retried; another is rolled back")
        self._mend_alias(self._cast.alias_edited)
        self._ask("retry", [self._cast.alias_edited])
        self._ask("rollback", [self._cast.rolled_back])
        self._wait_for([self._cast.rolled_back], {"ROLLED_BACK"})
        self._say.act("The rolled-back mailbox receives mail at the source again")
        self._traffic.from_outside(self._cast.rolled_back)
        self._wait_until(self._is_home, "mail at the source")
        self.arrived_home = True
        self._wait_for([self._cast.alias_edited], {"MIGRATED"})

    def drain(self) -> None:
        """Let everything that was accepted arrive, and the last delta bring over what arrived late."""
        self._wait_until(lambda: self._rig.world.mail_in_flight_count() == 0, "quiet queues")

    def _is_home(self) -> bool:
        journeys = list(self._rig.world.trace.journeys.values())
        newest = next(j for j in reversed(journeys) if j.recipient == self._cast.rolled_back)
        return bool(newest.delivered_to == [f"source:{self._cast.rolled_back}"])

    def _ask(self, wish: str, mailboxes: object) -> None:
        asked = self._rig.app.post(f"/batches/{BATCH}/{wish}", {"mailboxes": mailboxes})

        def is_answered() -> bool:
            said = self._rig.app.get(f"/requests/{asked['request']}")
            return bool(said.get("state") == "Completed")

        self._wait_until(is_answered, f"the answer to the {wish}")
        self._say.outcome(wish, self._rig.app.get(f"/requests/{asked['request']}")["result"])

    def _wait_for(self, addresses: Iterable[str], stages: set[str]) -> None:
        wanted = set(addresses)

        def are_there() -> bool:
            self._look()
            found = {self.mailboxes.get(address, {}).get("stage") for address in wanted}
            return found <= stages

        self._wait_until(are_there, f"{len(wanted)} mailboxes at {' or '.join(sorted(stages))}")

    def _look(self) -> None:
        answer = self._rig.app.get(f"/batches/{BATCH}/mailboxes", top="1000")
        self.mailboxes = {row["address"]: row for row in answer.get("mailboxes", [])}
        if not self.mailboxes:
            self._raise_if_refused()
        self._say.stages(self.mailboxes, self._rig.clock.now_utc())

    def _raise_if_refused(self) -> None:
        answer = self._rig.app.get(f"/batches/{BATCH}")
        if answer.get("state") == "refused":
            raise BatchRefused(answer["refused"])

    def _wait_until(self, holds: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + ACT_PATIENCE_S
        while not holds():
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"no {what} within {ACT_PATIENCE_S:.0f} s")
            threading.Event().wait(LOOK_INTERVAL_S)

    def _edit_alias(self, address: str) -> None:
        """A list in between, which delivers to the same mailbox: harmless to the mail, unexpected to us."""
        naming, aliases = self._rig.world.naming, self._rig.world.aliases
        aliases.edit_by_hand(_detour(address), [naming.source_address(address)])
        aliases.edit_by_hand(address, [_detour(address)])

    def _mend_alias(self, address: str) -> None:
        """The address leads home again, and the list to the address: straight home it would go past the redirect."""
        naming, aliases = self._rig.world.naming, self._rig.world.aliases
        aliases.edit_by_hand(address, [naming.source_address(address)])
        aliases.edit_by_hand(_detour(address), [address])

    def _take_the_last_seat(self) -> None:
        """Another administrator licenses somebody just before us: the seat was reserved here, but not there."""
        directory = self._rig.world.tenant.directory
        deadline_s = time.monotonic() + ACT_PATIENCE_S
        while directory.truth(self._cast.without_seat) is None and time.monotonic() < deadline_s:
            threading.Event().wait(SEAT_LOOK_S)
        if directory.truth(self._cast.without_seat) is not None:
            sku_id = directory.shelf.by_part_number(STAFF).sku_id
            stranger = f"{STRANGER}@{self._rig.world.naming.domain}"
            directory.assign(stranger, LicenceChange({sku_id: frozenset()}, frozenset()))


class BatchRefused(Exception):
    """The product refused the operator's file; `refused` is its report."""

    def __init__(self, refused: dict[str, Any]) -> None:
        super().__init__(refused.get("detail") or f"{len(refused['mistakes'])} mistakes")
        self.refused = refused


def stock_licences(rig: Rig, cast: Cast) -> None:
    """Enough student licences, a single one for staff, and a colleague who will want it."""
    directory = rig.world.tenant.directory
    directory.buy(STUDENT, Seats(enabled=len(cast.people) + 5))
    directory.buy(STAFF, Seats(enabled=1))
    directory.create(
        User(
            user_id="",
            upn=f"{STRANGER}@{rig.world.naming.domain}",
            display_name="Nouvelle Collègue",
            mail_nickname=STRANGER,
            created_utc=rig.clock.now_utc(),
            password="Une phrase assez longue 1",
            usage_location="FR",
        )
    )


def _detour(address: str) -> str:
    return f"equipe.{address}"
