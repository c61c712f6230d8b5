"""What the deployment page says of costs: the tables are reckoned, and rest on the templates and on the stories."""

import csv
import logging
import re
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks import azure_bill
from benchmarks.azure_bill import PRODUCTION, THOUSAND, bill
from benchmarks.cost_quantities import SYNCED_DAYS, counted, executions_of

ROOT = Path(__file__).parents[2]
# Stories change by a step here and there; a page that is further off than this misleads.
DRIFT_MAX = Decimal("0.02")


def said(*parts: str) -> str:
    """The text of a file of the repository."""
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "table",
    [
        azure_bill.sums_table(),
        azure_bill.lines_table(bill(PRODUCTION)),
        azure_bill.uncounted_table(),
    ],
    ids=["sums", "lines", "in no sum"],
)
def test_the_page_shows_the_tables_that_are_reckoned(table: str) -> None:
    """A sum that was typed is wrong after the first change of a price or of a template."""
    assert f"\n{table}\n" in said("docs", "how-to", "deploy.md")


def test_the_page_says_in_words_what_is_reckoned() -> None:
    """What stands beside the tables is read first."""
    page = said("docs", "how-to", "deploy.md")

    assert f"at most {azure_bill.dollars(azure_bill.most_for_logs())} dollars a month" in page
    assert f"as {azure_bill.transactions_per_action()} of the dearest transactions" in page


def test_a_sum_is_the_sum_of_what_its_lines_show() -> None:
    """Whoever adds up the column must come to the same cent."""
    table = azure_bill.lines_table(bill(PRODUCTION))
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    shown = azure_bill.sums_table().splitlines()[2]

    assert f"| {_added(rows, 4)} | {_added(rows, 6)} |" in shown


def _added(rows: list[list[str]], column: int) -> str:
    return azure_bill.dollars(
        sum(Decimal(row[column].replace(" ", "")) for row in rows) + Decimal(0)
    )


def test_every_price_says_who_published_it_where_and_when() -> None:
    """A price without a source is a guess that looks like a fact."""
    prices = list(csv.DictReader(said("benchmarks", "azure_prices.csv").splitlines()))
    billed = {line.price.what for choice in azure_bill.CHOICES for line in bill(choice)}
    uncounted = {azure_bill.PRICES[key].what for key in azure_bill.UNCOUNTED}
    page = said("docs", "how-to", "deploy.md")

    assert {row["what"] for row in prices} == billed | uncounted
    for row in prices:
        assert all(row.values()), row
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])
        assert f"\n- *{row['published_by']}*: " in page


def test_the_quantities_are_those_of_the_templates() -> None:
    """A fifth alert or a larger instance is on the bill whether or not the page knows of it."""
    app = said("infra", "modules", "app.bicep")
    alerts = said("infra", "modules", "alerts.bicep")

    assert f"instanceMemoryMB: {azure_bill.INSTANCE_GB * 1024}\n" in app
    assert said("infra", "modules", "endpoints.bicep").count("zone: '") == azure_bill.ENDPOINT_COUNT
    assert len(re.findall(r"^    name: 'bascule-", alerts, re.MULTILINE)) == (
        azure_bill.LOG_RULE_COUNT
    )
    assert alerts.count("metricAlerts@") == azure_bill.METRIC_RULE_COUNT
    assert f"logDailyMaxGb int = {azure_bill.LOGS_GB_PER_DAY_MAX}\n" in said("infra", "main.bicep")
    assert f"param alwaysReadyCount = {PRODUCTION.always_ready_count}\n" in said(
        "infra", "prod.bicepparam"
    )


@pytest.mark.slow
def test_stories_still_run_as_often_as_the_page_says(caplog: pytest.LogCaptureFixture) -> None:
    """One more look a day in every story is a tenth of the bill, and no other test would see it."""
    # The local host warns of habits of the SDK that do not matter to a count.
    caplog.set_level(logging.ERROR)
    executions = executions_of(counted(THOUSAND.mailbox_count, SYNCED_DAYS))

    assert abs(executions - THOUSAND.execution_count) <= THOUSAND.execution_count * DRIFT_MAX
