"""Mail handed to the source's own Postfix, as a stranger's server hands it over."""

from typing import Protocol


class SourceSubmission(Protocol):
    """Every Postfix that mail from outside may reach. For probes only."""

    def send(self, host_index: int, sender: str, recipient: str, subject: str, text: str) -> None:
        """Hand a plain text message to one Postfix of the plan, counted round from 0; it is queued when this returns.

        Not idempotent: after a lost answer it may be there twice, under one subject.

        Raises:
            Unreachable: it did not answer, is not who it says, or asked for patience (4yz).
            Refusal(REDIRECT_NOT_PROVEN): it will not take this message (5yz); its answer is in the text.
        """
        ...
