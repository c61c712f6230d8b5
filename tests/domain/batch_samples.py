"""A plan and headers for tests of the batch file."""

import dataclasses

import pytest

from bascule.domain.batch_file import (
    BatchFile,
    BatchFileInvalid,
    read_batch_file,
)
from bascule.domain.batch_header import COLUMNS
from bascule.domain.plan import AliasMapPlan, CohortPlan, Plan, SourcePlan, TenantPlan

PLAN = Plan(
    tenant=TenantPlan(
        tenant_id="11111111-2222-3333-4444-555555555555",
        domains=("example.org", "example.net"),
        routing_domain="contoso.onmicrosoft.com",
        coexistence_group="not.moved@contoso.onmicrosoft.com",
        migration_endpoint="dovecot",
        probe_sender="probe@contoso.onmicrosoft.com",
    ),
    source=SourcePlan(host="imap.example.org"),
    alias_map=AliasMapPlan(driver="sqlite", path="aliases.db"),
    cohorts={"default": CohortPlan("A1"), "teachers": CohortPlan("A3")},
)
HEADER = "EmailAddress,UserName,Password\r\n"
FULL_HEADER = ",".join(COLUMNS) + "\r\n"
CANARY = "cAnArY-7731"


def with_source(**facts: object) -> Plan:
    """The plan with other facts about Dovecot."""
    return dataclasses.replace(PLAN, source=dataclasses.replace(PLAN.source, **facts))  # type: ignore[arg-type]


def read(text: str, plan: Plan = PLAN) -> BatchFile:
    """A batch file of UTF-8 text."""
    return read_batch_file(text.encode(), plan)


def mistakes_of(raw: str | bytes, plan: Plan = PLAN) -> list[tuple[int, int, str]]:
    """Line, column and column name of every mistake."""
    return [place[:3] for place in described(raw, plan)]


def described(raw: str | bytes, plan: Plan = PLAN) -> list[tuple[int, int, str, str]]:
    """Line, column, column name and words of every mistake."""
    with pytest.raises(BatchFileInvalid) as caught:
        read_batch_file(raw.encode() if isinstance(raw, str) else raw, plan)
    return [
        (mistake.line, mistake.column, mistake.column_name, f"{mistake.what}. {mistake.todo}")
        for mistake in caught.value.mistakes
    ]
