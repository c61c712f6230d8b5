"""What a story sees of the swift host: the verbs of its context, and the values they hand out."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Ask:
    """What a story waits for: a step, a timer, the bell, or the first of several."""

    kind: str
    name: str = ""
    value: Any = None
    until_utc: datetime | None = None
    options: tuple["Ask", ...] = ()

    def cancel(self) -> None:
        """A timer that has lost its race; here it only stays in the past."""


@dataclass(frozen=True)
class Heard:
    """One answer in a generation's history: what for, when, and what."""

    ask: Ask
    at_utc: datetime
    answer: Any = None
    failure: str = ""


@dataclass
class Context:
    """The verbs of the orchestration context that our stories use."""

    instance_id: str
    given: Any
    current_utc_datetime: datetime
    following: Any = None
    goes_on: bool = False
    uuid_count: int = 0
    status: Any = None
    """The custom status, as the portal would show it."""

    def get_input(self) -> Any:
        """What the generation was started with."""
        return self.given

    def call_activity(self, name: str, input_: Any) -> Ask:
        """A step."""
        return Ask("step", name, input_)

    def create_timer(self, fire_at: datetime) -> Ask:
        """A timer."""
        return Ask("timer", until_utc=fire_at)

    def wait_for_external_event(self, name: str) -> Ask:
        """The bell."""
        return Ask("bell", name)

    def task_any(self, tasks: list[Ask]) -> Ask:
        """The first of these."""
        return Ask("any", options=tuple(tasks))

    def continue_as_new(self, input_: Any) -> None:
        """Begin again."""
        self.following, self.goes_on = input_, True

    def set_custom_status(self, status: Any) -> None:
        """Kept for whoever looks for secrets in it."""
        self.status = status

    def new_uuid(self) -> str:
        """The same one at every replay."""
        self.uuid_count += 1
        name = f"{self.instance_id}_{self.current_utc_datetime.isoformat()}_{self.uuid_count}"
        return str(uuid.uuid5(uuid.NAMESPACE_OID, name))
