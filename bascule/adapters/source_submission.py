"""Probes to Postfix over SMTP, with STARTTLS that is verified.

Source: RFC 5321 4.2.1 (what the first digit of an answer means), RFC 3207 (STARTTLS), RFC 3834 5 (Auto-Submitted).
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from bascule.domain.addresses import domain_of
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from bascule.domain.plan_submission import SubmissionPlan
from bascule.ports.clock import Clock

STARTTLS = "starttls"
PERMANENT_FROM = 500
ANSWER_LENGTH_MAX = 200


class SmtpSubmission:
    """Implements `bascule.ports.source_submission.SourceSubmission`."""

    def __init__(self, plan: SubmissionPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock

    def send(self, host_index: int, sender: str, recipient: str, subject: str, text: str) -> None:
        """One conversation for one message."""
        host, port = self._plan.place(host_index)
        message = self._message(sender, recipient, subject, text)
        with (
            _smtp_errors(f"{host}:{port}"),
            # The name we give is the sender's domain: asking DNS who we are would take seconds or fail.
            smtplib.SMTP(
                host, port, local_hostname=domain_of(sender), timeout=self._plan.timeout_s
            ) as smtp,
        ):
            if self._plan.security == STARTTLS:
                smtp.starttls(context=ssl.create_default_context(cafile=self._plan.ca_file or None))
            smtp.send_message(message, sender, [recipient])

    def _message(self, sender: str, recipient: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, recipient, subject
        message["Date"] = format_datetime(self._clock.now_utc())
        message["Message-ID"] = make_msgid(domain=domain_of(sender))
        # No holiday notice may answer a probe.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message


@contextmanager
def _smtp_errors(where: str) -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as refused:
        code, answer = next(iter(refused.recipients.values()))
        raise _translated(where, code, answer) from None
    except smtplib.SMTPResponseException as refused:
        raise _translated(where, refused.smtp_code, refused.smtp_error) from None
    except OSError as broken:
        raise Unreachable(f"Postfix at {where}: {type(broken).__name__}: {broken}") from broken


def _translated(where: str, code: int, answer: bytes | str) -> Exception:
    said = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    told = f"Postfix at {where} answers the probe: {code} {said[:ANSWER_LENGTH_MAX]}"
    if code >= PERMANENT_FROM:
        return Refusal(Code.REDIRECT_NOT_PROVEN, told)
    return Unreachable(told)
