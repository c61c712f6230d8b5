"""What Azure bills for Bascule: counted quantities times published unit prices, for each way to deploy it.

The prices, in azure_prices.csv, are others' figures, each with who published it, for which region and when; what yours
are, the Azure pricing calculator says. Prints the tables of docs/how-to/deploy.md. `python benchmarks/azure_bill.py`
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

HOURS = 730
"""Of a month, as Azure reckons it."""
INSTANCE_GB = 2
"""Of memory, as infra/modules/app.bicep asks for."""
EXECUTION_S = 1
"""The least that is billed, and nearly every execution is shorter."""
LOOKS_PER_H = 30
"""Of all timers together, at most."""
NAT_BYTES_PER_MAILBOX = 10_000 * 2 * 250
"""Size, date and Message-ID of each message, read twice."""
ENDPOINT_COUNT = 5
LOG_RULE_COUNT = 5
METRIC_RULE_COUNT = 1
STORED_GB = 1
LOGS_GB_PER_DAY_MAX = 2
"""Where the daily cap ends them."""
LOGS_GB_FREE = 5
"""A month, of each billing account."""
UNCOUNTED = ("logs", "transactions", "endpoint_data", "key_operations", "events")
"""What nobody knows before it has run: in no sum."""
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Price:
    """US dollars for `per` units of what one meter counts, and who published it."""

    what: str
    dollars: Decimal
    per: int
    unit: str
    published: str

    def of(self, quantity: Decimal) -> Decimal:
        """Dollars, to the cent, for so many units."""
        return (quantity * self.dollars / self.per).quantize(CENT, ROUND_HALF_UP)

    def cells(self) -> tuple[str, str, str]:
        """What, for how much, by whom."""
        return self.what, f"{self.dollars} {self.unit}", self.published


@dataclass(frozen=True)
class Migration:
    """How many mailboxes, and how often stories and steps run for them."""

    mailbox_count: int
    execution_count: int


THOUSAND = Migration(1_000, 570_000)
"""With 30 days of daily syncs; cost_quantities.py counts it."""


@dataclass(frozen=True)
class Line:
    """One line of the bill: units a month at rest, and besides, once, for a migration."""

    price: Price
    at_rest: Decimal = Decimal(0)
    once: Decimal = Decimal(0)


@dataclass(frozen=True)
class Choice:
    """One way to deploy."""

    name: str
    has_network: bool = True
    has_scheduler: bool = True
    always_ready_count: int = 1


PRODUCTION = Choice("as in production")
CHEAP = "`BASCULE_NETWORK=none`, `BASCULE_ALWAYS_READY_COUNT=0`"
STORAGE = "the same with `BASCULE_ENGINE=storage`"
CHOICES = (
    PRODUCTION,
    Choice(STORAGE, has_scheduler=False),
    Choice(CHEAP, has_network=False, always_ready_count=0),
    Choice(STORAGE, has_network=False, has_scheduler=False, always_ready_count=0),
)


def read_prices() -> dict[str, Price]:
    """{key: price} of the table beside this file."""
    table = Path(__file__).with_name("azure_prices.csv")
    with table.open(encoding="utf-8", newline="") as file:
        return {
            row["key"]: Price(
                row["what"],
                Decimal(row["dollars"]),
                int(row["per"]),
                row["unit"],
                f"{row['published_by']}, {row['region']}, {row['date']}",
            )
            for row in csv.DictReader(file)
        }


PRICES = read_prices()


def bill(choice: Choice, migration: Migration = THOUSAND) -> list[Line]:
    """Every line whose quantity is known before it is billed."""
    executions = migration.execution_count
    ready = _line("baseline", choice.always_ready_count * INSTANCE_GB * HOURS * 3600)
    looks = LOOKS_PER_H * HOURS
    second = EXECUTION_S * INSTANCE_GB
    return [
        *([ready] if choice.always_ready_count else []),
        _line("execution_time", looks * second, executions * second),
        _line("executions", looks, executions),
        *([_line("actions", 0, executions)] if choice.has_scheduler else []),
        *(_network(choice, migration) if choice.has_network else []),
        _line("log_rules", LOG_RULE_COUNT),
        _line("metric_rules", METRIC_RULE_COUNT),
        _line("stored", STORED_GB, STORED_GB),
    ]


def _network(choice: Choice, migration: Migration) -> list[Line]:
    # The scheduler has a door of its own.
    doors = ENDPOINT_COUNT if choice.has_scheduler else ENDPOINT_COUNT - 1
    return [
        _line("nat_hours", HOURS),
        _line("nat_data", 0, Decimal(NAT_BYTES_PER_MAILBOX * migration.mailbox_count) / 10**9),
        _line("address", HOURS),
        _line("endpoints", doors * HOURS),
        _line("zones", doors),
    ]


def _line(key: str, at_rest: int, once: int | Decimal = 0) -> Line:
    return Line(PRICES[key], Decimal(at_rest), Decimal(once))


def sum_at_rest(lines: Iterable[Line]) -> Decimal:
    """Dollars a month at rest: the sum of what the lines show."""
    return sum((line.price.of(line.at_rest) for line in lines), Decimal(0))


def sum_once(lines: Iterable[Line]) -> Decimal:
    """Dollars besides, once, for a migration: the sum of what the lines show."""
    return sum((line.price.of(line.once) for line in lines), Decimal(0))


def most_for_logs() -> Decimal:
    """Dollars a month for logs when every day reaches the cap."""
    return PRICES["logs"].of(Decimal(LOGS_GB_PER_DAY_MAX * HOURS) / 24 - LOGS_GB_FREE)


def transactions_per_action() -> int:
    """How many of storage's dearest transactions one action of the scheduler costs."""
    transaction = PRICES["transactions"]
    return int(PRICES["actions"].dollars / (transaction.dollars / transaction.per))


def lines_table(lines: Iterable[Line]) -> str:
    """The lines of a bill, in Markdown."""
    rows = [
        (
            *line.price.cells(),
            spaced(line.at_rest),
            dollars(line.price.of(line.at_rest)),
            spaced(line.once),
            dollars(line.price.of(line.once)),
        )
        for line in lines
    ]
    head = ("what is billed", "US dollars", "published", "a month at rest", "dollars")
    return _markdown((*head, "besides, once", "dollars"), rows)


def sums_table(migration: Migration = THOUSAND) -> str:
    """The sums for each way to deploy, in Markdown."""
    bills = [(choice.name, bill(choice, migration)) for choice in CHOICES]
    rows = [(name, dollars(sum_at_rest(of)), dollars(sum_once(of))) for name, of in bills]
    once = f"besides, once, for {spaced(Decimal(migration.mailbox_count))} mailboxes"
    return _markdown(("US dollars", "a month at rest", once), rows)


def uncounted_table() -> str:
    """The prices of what is in no sum, in Markdown."""
    rows = [PRICES[key].cells() for key in UNCOUNTED]
    return _markdown(("in no sum", "US dollars", "published"), rows)


def spaced(number: Decimal) -> str:
    """A quantity as the page writes it: 5 256 000."""
    return f"{number:,f}".replace(",", " ")


def dollars(amount: Decimal) -> str:
    """An amount as the page writes it: 2 205.00."""
    return f"{amount:,.2f}".replace(",", " ")


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Print what the page shows."""
    print(lines_table(bill(PRODUCTION)), sums_table(), uncounted_table(), sep="\n\n")
    print(f"\nlogs: at most {dollars(most_for_logs())} US dollars a month")
    print(f"an action costs as much as {transactions_per_action()} of the dearest transactions")


if __name__ == "__main__":
    main()
