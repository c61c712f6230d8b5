"""The port to Postfix's own door, on the world's Postfix."""

from email.message import EmailMessage

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Unreachable
from sandbox.bound.misfortune import may_not_arrive, reply_may_be_lost
from sandbox.world.world import World

WHAT = "source SMTP"


class WorldSourceSubmission:
    """Implements `bascule.ports.source_submission.SourceSubmission`; all hosts are one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sent: list[tuple[int, str]] = []
        """(host index, recipient) of every message that was taken."""
        self.answer = ""
        """What Postfix says instead of taking a message, such as `450 4.3.2 Service not available`; empty: it takes it."""

    def send(self, host_index: int, sender: str, recipient: str, subject: str, text: str) -> None:
        """Queue a message as from outside."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, recipient, subject
        message.set_content(text)
        with self._world.kernel.look():
            may_not_arrive(self._world, f"{WHAT} {host_index}")
            answer = self.answer or self._world.postfix.refusal_of(recipient)
            if answer:
                raise _translated(f"Postfix answers the probe: {answer}", answer)
            self._world.postfix.receive(message.as_bytes(), [recipient], sender=sender)
            self.sent.append((host_index, recipient))
            reply_may_be_lost(self._world, WHAT)


def _translated(told: str, answer: str) -> Exception:
    # Source: RFC 5321 4.2.1: 4yz passes, 5yz stays.
    return Unreachable(told) if answer.startswith("4") else Refusal(Code.REDIRECT_NOT_PROVEN, told)
