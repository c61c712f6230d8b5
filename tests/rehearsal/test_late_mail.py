"""How many messages a rehearsal can have under way during a cutover. No server is needed."""

import sys

import pytest

from sandbox.rehearsal.__main__ import main


def test_more_messages_than_a_cutover_has_room_for_are_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asks for them would wait for ten minutes and be told that a promise was broken."""
    monkeypatch.setattr(sys, "argv", ["rehearsal", "--messages", "1000000"])

    with pytest.raises(SystemExit) as refused:
        main()

    assert refused.value.code == 2
    assert "--messages: at most 5000 at a speed of 120" in capsys.readouterr().err
