"""`make rehearsal` at a size that fits every test run."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.rehearsal.__main__ import main
from sandbox.servers import machine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MAILBOX_COUNT, MESSAGE_COUNT = 5, 150


@pytest.fixture(scope="module")
def played(servers: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any]]:
    """(exit status, report) of a small rehearsal; a minute and a half."""
    path = tmp_path_factory.mktemp("rehearsal") / "report.json"
    asked = ["--mailboxes", str(MAILBOX_COUNT), "--messages", str(MESSAGE_COUNT)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rehearsal", *asked, "--speed", "240", "--report", str(path)])
        status = main()
    return status, json.loads(path.read_text(encoding="utf-8"))


def test_a_small_rehearsal_keeps_every_promise(played: tuple[int, dict[str, Any]]) -> None:
    """Only the real servers prove the product; each change must pass by them."""
    status, report = played

    assert report["broken"] == []
    assert status == 0
    assert {row["stage"] for row in report["mailboxes"]} == {"MIGRATED"}


def test_mail_went_on_during_the_cutover_and_every_octet_was_compared(
    played: tuple[int, dict[str, Any]],
) -> None:
    """A cutover without mail under way proves little."""
    mail = played[1]["mail"]

    assert mail["sent_during_cutover"] >= MESSAGE_COUNT
    assert mail["compared_by_octet"] >= MESSAGE_COUNT
    assert (mail["lost"], mail["doubled"], mail["loops"], mail["altered"]) == ([], [], 0, [])
    assert mail["hops_max"] <= 2


def test_the_report_says_how_long_each_mailbox_stood_between_its_redirects(
    played: tuple[int, dict[str, Any]],
) -> None:
    """In these seconds mail goes two ways; an operator plans with their length."""
    gaps = [row["detached_to_redirected_s"] for row in played[1]["mailboxes"]]

    assert len(gaps) == MAILBOX_COUNT
    assert all(gap > 0 for gap in gaps)


def test_mail_for_a_full_mailbox_is_returned_to_its_sender_or_waits_and_is_never_lost(
    played: tuple[int, dict[str, Any]],
) -> None:
    """Somebody is always over quota on D-day; what their mailbox refuses must not vanish between two systems."""
    report = played[1]
    full = {each["answer"]: each for each in report["full_mailboxes"]}

    assert full["refusing"]["returned"] >= 1
    assert full["deferring"]["deferrals"] >= 1
    assert full["deferring"]["returned"] == 0
    assert len(report["mail"]["returned"]) == full["refusing"]["returned"]
    assert all("its sender was told" in each for each in report["mail"]["returned"])


def test_lists_were_written_to_on_both_sides(played: tuple[int, dict[str, Any]]) -> None:
    """A list is opened by Postfix, by the tenant, or by both, depending on who writes: each member once."""
    lists = played[1]["lists"]

    assert {each["is_group_in_tenant"] for each in lists} == {True, False}
    assert sum(each["letters_to_both_sides"] for each in lists) > 0


def test_a_machine_without_the_servers_is_told_so_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pass on a machine that ran nothing would be the worst of all answers."""
    monkeypatch.setitem(machine.PACKAGE_FILES, Path("/nowhere/postfix-mysql.so"), "postfix-mysql")
    monkeypatch.setattr(sys, "argv", ["rehearsal"])

    assert main() == 2
    assert capsys.readouterr().err == (
        "This machine lacks postfix-mysql: `make setup-test` installs them from Debian.\n"
    )
