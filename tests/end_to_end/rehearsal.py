"""What every end-to-end test says to a running rehearsal: upload, wait, ask, look."""

import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import httpx
from azure.data.tables import TableServiceClient

from sandbox.rig.rig import Rig, RigOptions
from sandbox.world.licences import Seats
from sandbox.world.population import Person, populate

STUDENT, FACULTY = "STANDARDWOFFPACK_STUDENT", "STANDARDWOFFPACK_FACULTY"
START_UTC = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SPEED = 600.0
# A loaded machine may need several times what an idle one does.
PATIENCE_S = 240.0
LOOK_INTERVAL_S = 0.25
TURN_S = 0.004
REQUEST_TIMEOUT_S = 60.0
COLUMNS = ("EmailAddress", "UserName", "Password", "DisplayName", "NewPassword")
# Short waits, so that a whole life to its close fits into a minute; the sandbox fills in where things are.
PLAN = f"""
[tenant]
tenant_id = "00000000-0000-0000-0000-000000000001"
domains = ["example.org"]
routing_domain = "example.onmicrosoft.com"
coexistence_group = "group@example.onmicrosoft.com"
migration_endpoint = "postfix"
probe_sender = "probe@example.org"

[source]
host = "127.0.0.1"

[alias_map]
driver = "sqlite"
path = "/nowhere"
home_form = "{{local}}@home.example.org"

[cohorts.default]
licence = "{STUDENT}"
usage_location = "FR"

[cohorts.staff]
licence = "{FACULTY}"
usage_location = "FR"

[cutover]
quiet_s = 1800
grace_h = 1

[notices]
migrated_subject = "Your mailbox has moved"
migrated_text = "Your mail is in Microsoft 365 now. Your address, {{address}}, stays the same."
"""


@dataclass(frozen=True)
class Answer:
    """What the API said."""

    status: int
    body: Any


class Rehearsal:
    """One running rig, its people, and the words of an operator."""

    def __init__(self, rig: Rig, people: tuple[Person, ...]) -> None:
        self.rig = rig
        self.people = people
        self.disturb: Callable[[], None] = lambda: None
        """Called again and again while something is waited for."""

    def upload(self, batch: str, people: Iterable[Person] = ()) -> None:
        """Upload these people, or everybody."""
        self.rig.upload(batch, csv_of(people or self.people))

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        content: bytes | None = None,
        **parameters: str,
    ) -> Answer:
        """A request to the app as it is, refusals included."""
        answer = httpx.request(
            method,
            f"{self.rig.app.url}/api{path}",
            params=parameters,
            json=body,
            content=content,
            timeout=REQUEST_TIMEOUT_S,
        )
        return Answer(answer.status_code, answer.json() if answer.content else None)

    def batch(self, name: str) -> dict[str, Any]:
        """What the API says of a batch."""
        return dict(self.rig.app.get(f"/batches/{name}"))

    def wish(self, batch: str, wish: str, mailboxes: object = "all") -> dict[str, Any]:
        """Ask for something and wait for what became of it."""
        asked = self.rig.app.post(f"/batches/{batch}/{wish}", {"mailboxes": mailboxes})
        request = f"/requests/{asked['request']}"
        self.wait(
            lambda: self.rig.app.get(request).get("state") == "Completed", f"the answer to {wish}"
        )
        return dict(self.rig.app.get(request)["result"])

    def wait_for_stage(self, batch: str, *stages: str) -> None:
        """Until every mailbox of the batch stands at one of the stages."""
        self.wait(lambda: self.stands_at(batch, *stages), f"{batch} at {' or '.join(stages)}")

    def stands_at(self, batch: str, *stages: str) -> bool:
        """Whether every mailbox of the batch stands at one of the stages."""
        found = set(self.batch(batch).get("stages", ()))
        return bool(found) and found <= set(stages)

    def wait_for_state(self, batch: str, state: str) -> dict[str, Any]:
        """Until the batch is in a state; what the API says of it then."""
        self.wait(lambda: self.batch(batch).get("state") == state, f"{batch} {state}")
        return self.batch(batch)

    def wait_until_taken_in(self) -> None:
        """Until no upload, and no password with it, lies where uploads are expected."""
        self.wait(lambda: not self.rig.uploads_left(), "uploads taken in")

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Look until it holds. Raises TimeoutError with what was waited for."""
        deadline_s, look_s = time.monotonic() + PATIENCE_S, 0.0
        while time.monotonic() < deadline_s:
            self.disturb()
            if time.monotonic() >= look_s:
                look_s = time.monotonic() + LOOK_INTERVAL_S
                if holds():
                    return
            Event().wait(TURN_S)
        raise TimeoutError(f"no {what} within {PATIENCE_S:.0f} s")

    def stories(self) -> list[dict[str, Any]]:
        """Every story as the management API lists it, inputs included."""
        url = f"{self.rig.app.url}/runtime/webhooks/durabletask/instances"
        answer = httpx.get(url, params={"showInput": "true"}, timeout=REQUEST_TIMEOUT_S)
        answer.raise_for_status()
        return list(answer.json())

    def table(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Every row of a table of the app, whatever its prefix."""
        with TableServiceClient.from_connection_string(self.rig.storage) as service:
            for table in service.list_tables():
                if table.name.endswith(name):
                    with service.get_table_client(table.name) as client:
                        yield from client.list_entities()


def rehearsal(folder: Path, count: int = 4, *, seats: int = 50, disk: bool = False) -> Rehearsal:
    """A rig with people and seats, not yet opened; everything in it follows from the seed."""
    folder.mkdir(exist_ok=True)
    plan = folder / "operators-plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    rig = Rig(
        folder,
        RigOptions(seed=7, speed=SPEED, plan=plan, storage_on_disk=disk, start_utc=START_UTC),
    )
    people = populate(rig.world, count, messages_each=5)
    rig.world.tenant.directory.buy(STUDENT, Seats(enabled=seats))
    rig.world.tenant.directory.buy(FACULTY, Seats(enabled=1))
    return Rehearsal(rig, tuple(people))


def csv_of(people: Iterable[Person], new_passwords: Mapping[str, str] | None = None) -> bytes:
    """The batch file of these people; `new_passwords` by address."""
    new = new_passwords or {}
    rows = [
        (each.address, each.user_name, each.password, each.display_name, new.get(each.address, ""))
        for each in people
    ]
    return csv_rows(rows)


def csv_rows(rows: Iterable[Iterable[str]], columns: Iterable[str] = COLUMNS) -> bytes:
    """A batch file of rows as they are."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(columns)
    writer.writerows(rows)
    return written.getvalue().encode()
