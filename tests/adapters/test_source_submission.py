"""Probes over real SMTP: what is said in clear, whom we believe, and how each answer is understood."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from bascule.adapters.source_submission import SmtpSubmission
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.plan_submission import SubmissionPlan
from sandbox.faces.private_ca import private_ca
from sandbox.local_host.clock import VirtualClock, real_now_utc
from sandbox.rig.azurite import free_ports
from sandbox.world.mail import header

NOW_UTC = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROBER, ANNA = "probe@example.org", "anna@example.org"


class Postfix:
    """Remembers what it was given; `answers` are said once each, before it takes anything."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.was_encrypted: list[bool] = []
        self.greetings: list[str] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take the recipient unless told otherwise."""
        answer = self.answers.get("RCPT", "250 2.1.5 Ok")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take the message unless told otherwise."""
        self.taken.append(envelope)
        self.was_encrypted.append(session.ssl is not None)
        self.greetings.append(str(session.host_name))
        return self.answers.get("DATA", "250 2.0.0 Ok: queued as 4XYZ")


@pytest.fixture
def postfix() -> Postfix:
    """A Postfix that takes everything."""
    return Postfix()


@pytest.fixture
def plan(postfix: Postfix, tmp_path: Path) -> Iterator[SubmissionPlan]:
    """It listens with STARTTLS, its certificate signed by an authority in a file."""
    ca = private_ca(tmp_path / "ca.pem", real_now_utc())
    (port,) = free_ports(1)
    controller = Controller(postfix, "127.0.0.1", port, tls_context=ca.context)
    controller.start()
    try:
        yield SubmissionPlan((f"127.0.0.1:{port}",), ca_file=str(ca.ca_file), timeout_s=5)
    finally:
        controller.stop()


def send(plan: SubmissionPlan) -> None:
    """One probe."""
    SmtpSubmission(plan, VirtualClock(NOW_UTC)).send(0, PROBER, ANNA, "Bascule probe 1", "Vérifié.")


def test_a_probe_goes_encrypted_and_asks_for_no_answer(
    postfix: Postfix, plan: SubmissionPlan
) -> None:
    """A holiday notice to the probe mailbox for every user of a batch would be noticed."""
    send(plan)

    (envelope,) = postfix.taken
    raw = envelope.original_content or b""
    assert postfix.was_encrypted == [True]
    assert postfix.greetings == ["example.org"]
    assert (envelope.mail_from, envelope.rcpt_tos) == (PROBER, [ANNA])
    assert header(raw, "Auto-Submitted") == "auto-generated"
    assert header(raw, "Date") == "Sun, 22 Nov 2026 12:00:00 +0000"
    assert (header(raw, "Message-ID") or "").endswith("@example.org>")


def test_a_postfix_with_an_unknown_authority_gets_no_mail(
    postfix: Postfix, plan: SubmissionPlan
) -> None:
    """Whoever stands in between could take the probe and make us believe in a redirect."""
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        send(SubmissionPlan(plan.hosts, timeout_s=5))

    assert postfix.taken == []


def test_a_postfix_without_starttls_gets_no_mail(postfix: Postfix) -> None:
    """Stripped encryption is an old trick."""
    (port,) = free_ports(1)
    controller = Controller(postfix, "127.0.0.1", port)
    controller.start()
    try:
        with pytest.raises(Unreachable, match="STARTTLS"):
            send(SubmissionPlan((f"127.0.0.1:{port}",), timeout_s=5))
    finally:
        controller.stop()

    assert postfix.taken == []


@pytest.mark.parametrize("word", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "error"), [("451 4.3.0 Later", Unreachable), ("554 5.7.1 No", Refusal)]
)
def test_four_passes_and_five_stays(
    postfix: Postfix, plan: SubmissionPlan, word: str, answer: str, error: type[Exception]
) -> None:
    """Taken for the other, a restart calls a person, or a closed door is knocked at for hours."""
    postfix.answers[word] = answer

    with pytest.raises(error, match=answer[:3]):
        send(plan)


def test_the_hosts_are_counted_round_and_may_name_a_port() -> None:
    """Each Postfix has to be seen, whichever probe is the next one."""
    plan = SubmissionPlan(("mx1.example.org", "mx2.example.org:2525"))

    assert [plan.place(index) for index in range(3)] == [
        ("mx1.example.org", 25),
        ("mx2.example.org", 2525),
        ("mx1.example.org", 25),
    ]
