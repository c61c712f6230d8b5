"""How often the steps of an upload ask the tables: a batch has fifty thousand rows, and a step half an hour."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from activities.apply_difference import CHANGED_COUNT_MAX, apply_difference
from activities.file_difference import file_difference
from activities.register_batch import register_batch
from activities.validate_upload import validate_upload
from activities.withdraw_upload import withdraw_upload
from bascule.adapters.secrets.data_keys import DataKeys
from bascule.adapters.secrets.envelope import SealedSecrets
from bascule.adapters.secrets.master import MasterPassword
from bascule.adapters.table_store.ledger import TableLedger
from bascule.domain.errors import NotYet
from bascule.domain.requests import BatchRef, UploadKind
from sandbox.bound.ports import BoundPorts
from sandbox.in_process.simulation import Options, Simulation
from tests.activities.counted_tables import CountedTables, PlainWrap

REF = BatchRef("lot-9")
FEW, MANY = 200, 1200
# A transaction takes a hundred rows, and a step writes a row to two tables and reads it from as many.
CALLS_PER_ROW_MAX = 0.1


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """A world whose ports the tables of a test take the place of."""
    with Simulation(Options(people_count=1)) as made:
        yield made


def on_tables(simulation: Simulation, master: str = "") -> tuple[BoundPorts, CountedTables]:
    """Ports whose ledger and secrets stand in tables that count."""
    tables = CountedTables()
    given = cast("Any", tables)
    kept = SealedSecrets(given, DataKeys(given, PlainWrap()))
    secrets = MasterPassword(kept, master) if master else kept
    ports = replace(simulation.ports, ledger=cast("Any", TableLedger(given)))
    return replace(ports, secrets=cast("Any", secrets)), tables


def file_of(simulation: Simulation, count: int, *, name: str = "n", changed: int = 0) -> bytes:
    """So many rows, the first `changed` of which have another name."""
    domain = simulation.plan.tenant.domains[0]
    names = [f"{name} Bis" if number < changed else name for number in range(count)]
    rows = [f"u{at}@{domain},u{at},pw{at}x,{each}" for at, each in enumerate(names)]
    return "\r\n".join(["EmailAddress,UserName,Password,DisplayName", *rows]).encode()


def accept(ports: BoundPorts) -> None:
    """The operator's word for what is pending."""
    ports.ledger.amend_batch(
        REF.name, lambda row: replace(row, accepted_fingerprint=row.pending_fingerprint)
    )


def counts_of(simulation: Simulation, row_count: int) -> dict[str, int]:
    """{step: calls} of a batch that is taken in, comes again with one row changed, and is accepted."""
    ports, tables = on_tables(simulation)
    counts: dict[str, int] = {}

    def counted(name: str, work: Callable[[], object]) -> object:
        tables.calls.clear()
        answer = work()
        counts[name] = tables.calls.total()
        return answer

    ports.blobs.upload(REF.name, file_of(simulation, row_count))
    counted("judge", lambda: validate_upload(ports, REF))
    counted("register", lambda: register_batch(ports, REF))
    counted("withdraw", lambda: withdraw_upload(ports, REF))
    ports.blobs.upload(REF.name, file_of(simulation, row_count, changed=1))
    verdict = counted("judge the change", lambda: validate_upload(ports, REF))
    assert cast("Any", verdict).kind is UploadKind.CHANGED
    assert counted("file the change", lambda: file_difference(ports, REF)) == 1
    accept(ports)
    assert counted("apply the change", lambda: apply_difference(ports, REF)) == 1
    return counts


def test_no_step_of_an_upload_asks_the_tables_for_every_row(simulation: Simulation) -> None:
    """At a few milliseconds a call the step would be stopped by its host, again and again, and the batch never taken."""
    few, many = counts_of(simulation, FEW), counts_of(simulation, MANY)
    per_row = {step: (many[step] - few[step]) / (MANY - FEW) for step in many}

    assert {step: count for step, count in per_row.items() if count > CALLS_PER_ROW_MAX} == {}


def changed_batch(simulation: Simulation, ports: BoundPorts, count: int) -> None:
    """A batch that runs; a file that changes every row of it is accepted."""
    ports.blobs.upload(REF.name, file_of(simulation, count))
    register_batch(ports, REF)
    withdraw_upload(ports, REF)
    ports.blobs.upload(REF.name, file_of(simulation, count, changed=count))
    assert file_difference(ports, REF) == count
    accept(ports)


def test_a_change_of_very_many_rows_goes_on_where_it_stopped(simulation: Simulation) -> None:
    """An attempt that begins again at the first row each time never comes to the last."""
    ports, tables = on_tables(simulation)
    changed_batch(simulation, ports, CHANGED_COUNT_MAX + 10)
    with pytest.raises(NotYet, match="10 rows"):
        apply_difference(ports, REF)
    tables.calls.clear()

    assert apply_difference(ports, REF) == CHANGED_COUNT_MAX + 10
    assert tables.calls["replace"] == 11  # the rows, and the batch
    assert {row.display_name for row in ports.ledger.mailboxes(REF.name)} == {"n Bis"}


def test_the_password_of_the_master_user_is_never_copied_into_a_row(simulation: Simulation) -> None:
    """When it is changed in the settings, the rows would go on with the old one."""
    ports, _ = on_tables(simulation, "the old one")
    source = replace(ports.plan.source, master_user="bascule")
    ports = replace(ports, plan=replace(ports.plan, source=source))
    file = file_of(simulation, 2).replace(b"pw1x", b"")
    ports.blobs.upload(REF.name, file)
    register_batch(ports, REF)
    withdraw_upload(ports, REF)
    ports.blobs.upload(REF.name, file.replace(b"pw0x", b""))
    assert file_difference(ports, REF) == 1
    accept(ports)
    apply_difference(ports, REF)

    keys = [row.key for row in ports.ledger.mailboxes(REF.name)]
    assert set(ports.secrets.kept(REF.name, keys).values()) == {""}
