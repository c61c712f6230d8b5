"""Where the completion of the tenant stands."""

from activities.completion_gate import completion_of
from bascule.domain.completion import CompletionRecord, CompletionRef, CompletionView
from bascule.ports.bundle import Ports


def read_completion(ports: Ports, ref: CompletionRef) -> CompletionView:
    """The document as the story needs it."""
    del ref
    found = completion_of(ports)
    record = found or CompletionRecord()
    return CompletionView(
        exists=found is not None,
        phase=record.phase,
        awaited_word=record.awaited_word,
        look_s=float(ports.plan.dns.look_s),
    )
