"""Tell people by mail, once, what will happen to their password."""

from activities.password_subjects import Subject, subjects_of, why_left_alone
from bascule.domain.errors import NotYet, Refusal, Throttled
from bascule.domain.hand_out import Told, told_name
from bascule.domain.password_requests import ResetChunk, ToldFacts
from bascule.ports.bundle import Ports

HOUR_S = 3600.0


def tell_of_reset(ports: Ports, chunk: ResetChunk) -> ToldFacts:
    """Send the plan's notice to everybody of the chunk whose password is going to change; none when the plan has none.

    Written down before it is sent: two equal notices make people ask which of them is the fraud. A mail that was certainly
    not sent is sent later; one that nobody heard of is not sent twice.

    Raises:
        Throttled, NotYet: ask for the chunk again.
    """
    notices = ports.plan.notices
    if not notices.password_subject:
        return ToldFacts(0, 0.0)
    told_count = 0
    for subject in subjects_of(ports, chunk):
        if _is_concerned(ports, subject, chunk):
            told_count += _tell(ports, chunk.request.request, subject)
    return ToldFacts(told_count, notices.password_ahead_h * HOUR_S)


def _is_concerned(ports: Ports, subject: Subject, chunk: ResetChunk) -> bool:
    try:
        return not why_left_alone(ports, subject, chunk.request)
    except Refusal:
        return False  # the reset itself names this account, and why


def _tell(ports: Ports, request: str, subject: Subject) -> bool:
    address = subject.person.address
    name = told_name(request, address)
    if ports.documents.find(name, Told) is not None:
        return True
    day = ports.clock.now_utc().date().isoformat()
    ports.documents.amend(name, Told, lambda _: Told(address, day))
    notices = ports.plan.notices
    try:
        ports.notifier.tell_user(
            address,
            notices.password_subject.format(address=address),
            notices.password_text.format(address=address),
        )
    except (Throttled, NotYet):
        ports.documents.remove(name)
        raise
    except Refusal:
        ports.documents.remove(name)
        return False
    return True
