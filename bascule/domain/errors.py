"""What can go wrong, as one tree; three questions decide the class.

    BasculeError
    ├── Unreachable            may pass by itself, nobody says when: the host retries
    │   └── Untrusted          a certificate that does not verify: passes when somebody renews it
    ├── Throttled(wait_s)      may pass by itself, and we were told when: a durable timer
    ├── NotYet(wait_s)         the vendor reaches this state by itself: look again later
    ├── Conflict               somebody changed the same record first: read again, decide again
    └── Refusal(code, detail)  will not pass by itself: set aside, a person decides
        └── InvariantBroken    our own promise is broken: set aside, and the batch stops

Messages say what, which mailbox, and what to do. Secrets and subjects of mails never enter a message.
"""

from bascule.domain.codes import Code


class BasculeError(Exception):
    """Any error this product raises on purpose."""


class Unreachable(BasculeError):
    """A server did not answer, or answered 5xx; the effect may or may not have happened."""


class Untrusted(Unreachable):
    """A server's certificate does not verify, so nothing was said to it."""


class Throttled(BasculeError):
    """A server asked for patience and said how long."""

    def __init__(self, wait_s: float, detail: str) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class NotYet(BasculeError):
    """The state asked for is expected to come by itself; `wait_s` is a hint for the next look."""

    def __init__(self, wait_s: float, detail: str) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class Conflict(BasculeError):
    """The record was changed by somebody else since it was read."""


class Refusal(BasculeError):
    """Something that only a person can put right; `code` has a page in the documentation."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class InvariantBroken(Refusal):
    """One of the promises of the design does not hold."""

    def __init__(self, detail: str) -> None:
        super().__init__(Code.INVARIANT_BROKEN, detail)
