"""What the dashboard is read from in its tests: ledger, reports, directory, documents and clock in one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import cast

from bascule.domain.directory import Sku
from bascule.domain.errors import Unreachable
from bascule.domain.plan import Plan
from bascule.domain.plan_file import read_plan
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports
from tests.end_to_end.rehearsal import PLAN
from triggers.dashboard_facts import Dashboard, dashboard_facts

NOW_UTC = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NASTY = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@dataclass
class Desk:
    """Ledger, reports, directory and clock in one; it counts the rows and documents that were read."""

    plan: Plan = field(default_factory=lambda: read_plan(PLAN))
    rows: dict[str, Iterable[MailboxRecord]] = field(default_factory=dict)
    books: list[BatchRecord] = field(default_factory=list)
    stock: list[Sku] | None = None
    papers: dict[str, object] = field(default_factory=dict)
    read_count: int = 0
    document_count: int = 0
    stock_age_max_s: float | None = None

    @property
    def ledger(self) -> "Desk":
        return self

    directory = blobs = clock = documents = ledger

    def find(self, name: str, kind: type[object]) -> object:
        self.document_count += 1
        found = self.papers.get(name)
        return found if isinstance(found, kind) else None

    def now_utc(self) -> datetime:
        return NOW_UTC

    def batches(self) -> Iterator[BatchRecord]:
        return iter(self.books)

    def mailboxes(self, batch: str) -> Iterator[MailboxRecord]:
        for record in self.rows.get(batch, ()):
            self.read_count += 1
            yield record

    def names(self, prefix: str) -> tuple[str, ...]:
        return tuple(name for name in self.papers if name.startswith(prefix))

    def read_report(self, path: str) -> bytes | None:
        raise AssertionError(f"{path}: a report may be large, and the page is renewed every minute")

    def licence_stock(self, age_max_s: float = 0.0) -> tuple[Sku, ...]:
        self.stock_age_max_s = age_max_s
        if self.stock is None:
            raise Unreachable("the directory is away")
        return tuple(self.stock)

    def seen(self) -> Dashboard:
        """What the page would show."""
        return dashboard_facts(cast("Ports", self))


class Reader(HTMLParser):
    """What a browser would find: elements, texts, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def batch(name: str, **said: object) -> BatchRecord:
    """An open batch."""
    made = BatchRecord(name, "f", 3, NOW_UTC - timedelta(days=2), is_open=True)
    return replace(made, **said)  # type: ignore[arg-type]


def mailbox(number: int, stage: Stage = Stage.SYNCED, **said: object) -> MailboxRecord:
    """A mailbox that its story has just looked at."""
    made = MailboxRecord("pilot", f"k{number}", f"m{number}@example.org", f"m{number}")
    made = replace(made, stage=stage, stage_since_utc=NOW_UTC, seen_utc=NOW_UTC)
    return replace(made, **said)  # type: ignore[arg-type]
