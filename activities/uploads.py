"""What the steps of an upload share: reading it, telling it from others, and where its reports stand."""

import itertools
import json
from collections.abc import Collection, Iterable

from activities.ensure_account import new_password_key
from bascule.domain.addresses import mailbox_key
from bascule.domain.batch_difference import RowFacts, facts_of
from bascule.domain.batch_file import BatchFile, read_batch_file
from bascule.domain.batch_mistakes import REPORTED_COUNT_MAX, Mistake
from bascule.domain.batch_rows import BatchRow
from bascule.domain.codec import encode
from bascule.domain.errors import Conflict
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import BatchRef
from bascule.ports.blob_store import Upload
from bascule.ports.bundle import Ports

# Enough of a digest to tell the uploads of one batch apart.
SHORT = 16


def read_upload(ports: Ports, ref: BatchRef) -> tuple[Upload, BatchFile]:
    """The upload of a batch and what it says.

    Raises:
        Conflict: it has been taken away, or is not the one that was judged: what lies there is judged on its own.
        BatchFileInvalid: it was replaced by one that nobody has judged.
    """
    upload = ports.blobs.find_upload(ref.name)
    if upload is None:
        raise Conflict(f"the upload of batch {ref.name} is gone")
    if ref.etag and upload.etag != ref.etag:
        raise Conflict(f"another file was uploaded for batch {ref.name} since it was judged")
    return upload, read_batch_file(upload.content, ports.plan)


def rows_facts(ports: Ports, name: str, rows: Collection[BatchRow]) -> list[RowFacts]:
    """Rows without their secrets; equal marks mean equal passwords."""
    marks = ports.secrets.marks(name, (f"{row.password}\0{row.new_password}" for row in rows))
    return [facts_of(row, mark) for row, mark in zip(rows, marks, strict=True)]


def fingerprint_of(ports: Ports, name: str, file: BatchFile) -> str:
    """A keyed digest over all rows: order, encoding and quoting of the file do not matter."""
    facts = rows_facts(ports, name, file.rows)
    rows = sorted((encode(each) for each in facts), key=json.dumps)
    return ports.secrets.mark(name, json.dumps(rows))


def secrets_of(rows: Iterable[BatchRow]) -> dict[str, str]:
    """{key: password} of rows, the passwords of new accounts under keys of their own."""
    sealed: dict[str, str] = {}
    for row in rows:
        key = mailbox_key(row.address)
        sealed[key] = row.password
        if row.new_password:
            sealed[new_password_key(key)] = row.new_password
    return sealed


def record_of_row(ports: Ports, batch: str, row: BatchRow) -> MailboxRecord:
    """The first record of a row's mailbox."""
    return MailboxRecord(
        batch=batch,
        key=mailbox_key(row.address),
        address=row.address,
        source_user=row.user_name,
        has_new_password=bool(row.new_password),
        display_name=row.display_name,
        cohort=row.cohort,
        usage_location=row.usage_location,
        unit=row.unit,
        cutover_at_utc=row.cutover_at_utc,
        stage_since_utc=ports.clock.now_utc(),
    )


def write_json(ports: Ports, path: str, content: object) -> None:
    """Write a report that people and programs read."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    ports.blobs.write_report(path, text.encode(), "application/json")


def mistakes_path(batch: str) -> str:
    """The report of a refused upload."""
    return f"{batch}/refused.json"


def warnings_path(batch: str) -> str:
    """What was accepted of an upload and should be looked at."""
    return f"{batch}/warnings.json"


def shown_mistakes(mistakes: Iterable[Mistake]) -> list[dict[str, str | int]]:
    """Mistakes or warnings as reports list them: the first REPORTED_COUNT_MAX."""
    return [
        {
            "line": mistake.line,
            "column": mistake.column,
            "column_name": mistake.column_name,
            "what": mistake.what,
            "todo": mistake.todo,
        }
        for mistake in itertools.islice(mistakes, REPORTED_COUNT_MAX)
    ]


def difference_path(batch: str) -> str:
    """The report of a changed upload."""
    return f"{batch}/difference.json"


def pending_path(batch: str, fingerprint: str) -> str:
    """The rows of a changed upload, without passwords, until the operator accepts just this one."""
    return f"{batch}/pending-{fingerprint[:SHORT]}.json"


def pending_key(key: str, fingerprint: str) -> str:
    """Where a pending password is sealed: never where the running batch looks for its own."""
    return f"{key}!{fingerprint[:SHORT]}"
