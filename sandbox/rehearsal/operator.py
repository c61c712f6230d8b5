"""The operator's hands and eyes: upload, ask, wait, and read what the app wrote down."""

import csv
import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from azure.data.tables import TableServiceClient

from bascule.domain.addresses import mailbox_key
from sandbox.rig.rig import Rig
from sandbox.world.population import Person

LOOK_INTERVAL_S = 0.4
# Real seconds; a loaded machine may need several times what an idle one does.
PATIENCE_S = 900.0
PAGE = "1000"
COLUMNS = ("EmailAddress", "UserName", "Password", "DisplayName")


class Operator:
    """One batch, from its upload on."""

    def __init__(self, rig: Rig, batch: str) -> None:
        self.rig = rig
        self.batch = batch
        self.mailboxes: dict[str, dict[str, Any]] = {}
        """{address: what the API said last}"""
        self.tell: Callable[[Mapping[str, dict[str, Any]]], None] = lambda _: None
        """Hears of all mailboxes at each look."""

    def upload(self, people: Iterable[Person], *, with_passwords: bool = True) -> None:
        """Put the batch file into its container; without passwords where a master user opens every mailbox."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for each in people:
            password = each.password if with_passwords else ""
            writer.writerow([each.address, each.user_name, password, each.display_name])
        self.rig.upload(self.batch, text.getvalue().encode())

    def ask(self, wish: str, mailboxes: object = "all") -> Mapping[str, Any]:
        """Ask for something and wait for the answer: how many were granted, who was refused and why."""
        asked = self.rig.app.post(f"/batches/{self.batch}/{wish}", {"mailboxes": mailboxes})
        request = f"/requests/{asked['request']}"
        self.wait_until(
            lambda: self.rig.app.get(request).get("state") == "Completed", f"the answer to {wish}"
        )
        result: Mapping[str, Any] = self.rig.app.get(request)["result"]
        return result

    def wait_for(self, addresses: Iterable[str], *stages: str) -> None:
        """Until each of these mailboxes stands at one of the stages."""
        wanted = set(addresses)

        def are_there() -> bool:
            self.look()
            return all(self.stage(address) in stages for address in wanted)

        self.wait_until(are_there, f"{len(wanted)} mailboxes at {' or '.join(stages)}")

    def look(self) -> None:
        """Read every mailbox of the batch."""
        answer = self.rig.app.get(f"/batches/{self.batch}/mailboxes", top=PAGE)
        self.mailboxes = {row["address"]: row for row in answer.get("mailboxes", [])}
        self.tell(self.mailboxes)

    def stage(self, address: str) -> str:
        """Where a mailbox stood at the last look."""
        return str(self.mailboxes.get(address, {}).get("stage"))

    def end_of(self, address: str) -> tuple[str, str]:
        """(stage, code) of a mailbox at the last look."""
        return self.stage(address), str(self.mailboxes.get(address, {}).get("code") or "")

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Look until it holds. Raises TimeoutError with what was waited for."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > deadline_s:
                stands = sorted({self.end_of(address) for address in self.mailboxes})
                raise TimeoutError(f"no {what} within {PATIENCE_S:.0f} s: {stands}")
            threading.Event().wait(LOOK_INTERVAL_S)

    def reached_utc(self, address: str) -> dict[str, datetime]:
        """{stage: when the journal says that the mailbox reached it, the last time}."""
        key = mailbox_key(address)
        return {
            str(row["after"]): _instant(str(row["RowKey"]))
            for row in self._journal()
            if row["effect"] == "stage" and row["key"] == key
        }

    def _journal(self) -> Iterator[Mapping[str, Any]]:
        with TableServiceClient.from_connection_string(self.rig.storage) as service:
            for table in service.list_tables():
                if table.name.endswith("journal"):
                    with service.get_table_client(table.name) as client:
                        yield from client.list_entities()


def _instant(row_key: str) -> datetime:
    return datetime.strptime(row_key.rpartition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
