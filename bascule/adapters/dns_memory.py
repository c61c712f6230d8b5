"""What one look at public DNS was told already: each question asked once, a silent server not asked again."""

from collections.abc import Callable

from bascule.domain.dns_records import Answer, DnsKind, NameServer, Outcome

AskServer = Callable[[str, DnsKind, NameServer], Answer]
# SPF asks at most some hundred questions per record and sender, most of them the same; a stranger's record that makes it
# ask for more than this is asked for without being remembered.
ANSWER_COUNT_MAX = 2_000


class DnsMemory:
    """The memory of one look; never kept for the next, which must see what has changed."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, DnsKind, NameServer], Answer] = {}
        self._silent: set[str] = set()

    def answer(self, name: str, kind: DnsKind, server: NameServer, ask: AskServer) -> Answer:
        """As it was told before; else as `ask` tells it now."""
        question = (name, kind, server)
        if question in self._answers:
            return self._answers[question]
        if server.address in self._silent:
            # Each further question would cost the whole timeout again.
            return Answer(server, name, kind, Outcome.SILENT)
        answer = ask(name, kind, server)
        if answer.outcome is Outcome.SILENT:
            self._silent.add(server.address)
        elif len(self._answers) < ANSWER_COUNT_MAX:
            self._answers[question] = answer
        return answer
