"""Where faults can strike."""

from sandbox.simulate.crash_points import RECORDED, boundaries
from sandbox.simulate.existence import Existence
from sandbox.simulate.hosts import swift_host
from sandbox.simulate.life import FaultKind
from sandbox.simulate.living import live_through


def test_commands_in_an_opened_mailbox_are_boundaries() -> None:
    """Between the append at the source and the removal from the cloud a message is on both sides."""
    existence, seen = Existence(RECORDED, swift_host), set[tuple[str, str]]()
    existence.fates.call_seen = lambda step, _, what: seen.add((step, what))
    try:
        live_through(existence)
    finally:
        existence.close()

    assert ("survey_source", "source_mail.folders") in seen
    assert ("read_marks", "source_mail.marks") in seen
    assert ("certify", "source_mail.messages") in seen
