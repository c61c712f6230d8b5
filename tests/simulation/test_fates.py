"""Where faults can strike."""

from sandbox.simulate.crash_points import RECORDED, boundaries


def test_commands_in_an_opened_mailbox_are_boundaries() -> None:
    """Between the append at the source and the removal from the cloud a message is on both sides."""
    seen = {(boundary.kill.step, boundary.call) for boundary in boundaries(RECORDED)}

    assert ("survey_source", "source_mail.folders") in seen
    assert ("read_marks", "source_mail.marks") in seen
    assert ("certify", "source_mail.messages") in seen
