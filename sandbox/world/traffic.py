"""Mail that goes on arriving while people are moved: numbered, so that each message is one of a kind."""

from itertools import count

from sandbox.world.naming import Naming


class Refused(Exception):
    """A server did not accept a message; its text is the SMTP answer."""


class Correspondence:
    """Builds the messages of the traffic."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._numbers = count(1)

    def letter(self, sender: str, recipient: str) -> bytes:
        """The next message between two people."""
        number = next(self._numbers)
        return (
            f"From: {sender}\r\nTo: {recipient}\r\nSubject: Courrier {number}\r\n"
            f"Message-ID: <courrier-{number}@{self._naming.domain}.traffic>\r\n\r\n"
            f"Ceci est le courrier {number}.\r\n"
        ).encode()
