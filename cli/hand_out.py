"""New passwords taken from the app page by page, and counted as handed out once they are written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bascule.domain.codec import decode, encode
from bascule.domain.hand_out import Person
from bascule.domain.hand_out_form import HandOutRow
from bascule.domain.plan import HandOutPlan
from cli.errors import Refused
from cli.service import Service, open_service

# 50 000 people in pages of 500, with room.
PAGE_COUNT_MAX = 120
# As many as the app takes in one request.
COUNTED_AT_ONCE_MAX = 500


@dataclass(frozen=True)
class Fetched:
    """What a selection has: sorted by unit and name, the form of the plan, and how many were withheld."""

    rows: Sequence[HandOutRow]
    form: HandOutPlan
    uncertain_count: int


def fetched(body: Mapping[str, Any]) -> Fetched:
    """Every page of the selection. Raises Refused."""
    rows: list[HandOutRow] = []
    uncertain_count, after = 0, ""
    with open_service() as service:
        for _ in range(PAGE_COUNT_MAX):
            page = service.post("passwords", "export", body={**body, "after": after})
            rows += [_row(each) for each in page["rows"]]
            uncertain_count += page["uncertain"]
            after = page["after"]
            if not after:
                return Fetched(_sorted(rows), decode(HandOutPlan, page["form"]), uncertain_count)
    raise Refused(f"more than {PAGE_COUNT_MAX} pages; nothing is written: export batch by batch")


def _sorted(rows: list[HandOutRow]) -> list[HandOutRow]:
    return sorted(
        rows, key=lambda row: (row.person.unit, row.person.display_name, row.person.address)
    )


def count_as_handed_out(rows: Sequence[HandOutRow]) -> None:
    """Tell the app that these are written down; before, they come again with --new-only. Raises Refused."""
    try:
        with open_service() as service:
            for start in range(0, len(rows), COUNTED_AT_ONCE_MAX):
                _count(service, rows[start : start + COUNTED_AT_ONCE_MAX])
    except Refused as refused:
        raise Refused(f"written, but --new-only will bring them again: {refused}") from refused


def _count(service: Service, rows: Sequence[HandOutRow]) -> None:
    written = {row.person.address: encode(row.set_utc) for row in rows}
    service.post("passwords", "exported", body={"exported": written})


def _row(each: dict[str, Any]) -> HandOutRow:
    names = ("address", "display_name", "cohort", "unit", "batch")
    set_utc = datetime.fromisoformat(each["set_utc"])
    return HandOutRow(Person(**{name: each[name] for name in names}), each["password"], set_utc)
