"""Lists of many mailboxes, page by page."""

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

import triggers.http_api
from bascule.domain.addresses import mailbox_key
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from sandbox.bound.ledger import MemoryLedger
from sandbox.in_process.simulation import START_UTC

ROW_COUNT = 50
TOP = 7


class CountingLedger(MemoryLedger):
    """A ledger that remembers how many rows were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_count = 0

    def mailboxes(self, batch: str, after: str = "") -> Iterator[MailboxRecord]:
        """Each row that is taken counts."""
        for record in super().mailboxes(batch, after):
            self.read_count += 1
            yield record


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> CountingLedger:
    """A batch of fifty, behind the API."""
    monkeypatch.delenv("BASCULE_SIGN_IN", raising=False)
    made = CountingLedger()
    made.add_batch(BatchRecord("pilot", "f", ROW_COUNT, START_UTC))
    addresses = [f"user{number}@example.org" for number in range(ROW_COUNT)]
    made.add_mailboxes(
        MailboxRecord("pilot", mailbox_key(each), each, source_user=each) for each in addresses
    )
    monkeypatch.setattr(triggers.http_api, "ports", lambda: SimpleNamespace(ledger=made))
    return made


def page(**params: str) -> dict[str, Any]:
    """One page of the route."""
    request = func.HttpRequest(
        "GET", "https://app/api/x", params=params, route_params={"batch": "pilot"}, body=b""
    )
    handler: Any = triggers.http_api.list_mailboxes
    said = asyncio.run(handler._function._func(request))
    answer: dict[str, Any] = json.loads(said.get_body())
    return answer


def test_all_pages_together_read_each_mailbox_once(ledger: CountingLedger) -> None:
    """Begun at the start for each page, a list of 50 000 mailboxes read six million rows."""
    found: list[str] = []
    after = ""
    for _ in range(ROW_COUNT):
        answer = page(top=str(TOP), after=after)
        found += [row["address"] for row in answer["mailboxes"]]
        after = answer["after"]
        if not after:
            break

    assert sorted(found) == sorted(row.address for row in MemoryLedger.mailboxes(ledger, "pilot"))
    assert ledger.read_count == ROW_COUNT


def test_a_stage_that_nobody_has_is_an_empty_page(ledger: CountingLedger) -> None:
    """A client that follows `after` must come to an end."""
    assert page(stage=Stage.MIGRATED.value) == {"mailboxes": [], "after": ""}
    assert ledger.read_count == ROW_COUNT
