"""Whoever looks on while stories run: how long histories grow, which steps ran, and whether a secret slips through."""

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

from sandbox.local_host.loader import AppFunction
from sandbox.local_host.worker import ActivityResult, ProgramReply, Worker

Activity = Callable[[Any], Any]
# Unescaped, the name of an event's own field; inside a payload its quotes are escaped.
EVENT = '"EventType"'


class Witness(Worker):
    """The worker of a simulated host, with a memory.

    What stories and steps exchange is text at this place: the whole history at every turn, every input, every answer,
    every custom status. A forbidden word in any of it is noted.
    """

    def __init__(self, make_client: Callable[[], Any]) -> None:
        super().__init__(make_client)
        self.forbidden: list[str] = []
        """Words that must never reach the engine: the passwords of a batch."""
        self.leaks: set[str] = set()
        """Where a forbidden word was seen; not the word."""
        self.longest: Counter[str] = Counter()
        """Events in the longest generation of each story, by instance id."""
        self.turns: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        """How often each step ran."""
        self.broken: list[str] = []
        """Steps and stories that failed in a way nobody foresaw."""

    def orchestrate(self, function: AppFunction, body: str) -> ProgramReply:
        """One turn; its whole history is counted and read."""
        reply = super().orchestrate(function, body)
        instance_id = body.rpartition('"instanceId": "')[2].partition('"')[0]
        # This turn's own actions become events of the same generation.
        count = body.count(EVENT) + len(reply.actions) + 1
        self.longest[instance_id] = max(self.longest[instance_id], count)
        self.turns[instance_id] += 1
        self._read(function.name, body, reply.custom_status, reply.output, reply.actions)
        if reply.error or reply.crash:
            self.broken.append(f"{instance_id}: {reply.error or reply.crash}")
        return reply

    def call_activity(self, function: AppFunction, input_text: str | None) -> ActivityResult:
        """One step."""
        return self._noted(function, input_text, super().call_activity(function, input_text))

    async def await_activity(self, function: AppFunction, input_text: str | None) -> ActivityResult:
        """One step that speaks to the engine itself."""
        return self._noted(function, input_text, await super().await_activity(function, input_text))

    def _noted(
        self, function: AppFunction, input_text: str | None, result: ActivityResult
    ) -> ActivityResult:
        self.runs[function.name] += 1
        if result.failure:
            self.broken.append(result.failure.text)
        self._read(function.name, input_text, result)
        return result

    def _read(self, where: str, *texts: object) -> None:
        if not self.forbidden:
            return
        shown = "\n".join(text if isinstance(text, str) else repr(text) for text in texts)
        if any(word in shown for word in self.forbidden):
            self.leaks.add(where)


def repeated(step: Activity) -> Activity:
    """The step as after a crash: it ran, nobody heard its answer, it runs again."""

    @functools.wraps(step)
    def twice(request: Any) -> Any:
        step(request)
        return step(request)

    return twice
