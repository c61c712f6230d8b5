"""What an operator's wish makes of a row, and in which words the journal tells it."""

from dataclasses import replace
from datetime import datetime

from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.requests import WishRequest
from bascule.domain.stages import Stage
from bascule.domain.survey_again import is_survey_asked


def standing_word(record: MailboxRecord) -> str:
    """Which wish stands that no other may hide, and what to do about it; empty when none does."""
    by = f" by {record.wish_by}" if record.wish_by else ""
    if record.wish is Wish.ABANDON:
        return f"it was asked{by} to be abandoned; ask for the rollback to take that back"
    if record.wish is Wish.ROLLBACK:
        return f"it was asked{by} to be rolled back; ask again when it is ROLLED_BACK"
    return ""


def can_be_taken_back(record: MailboxRecord) -> bool:
    """Whether something was asked, an abandonment or a cutover, of which nothing has begun."""
    if record.has_begun_cutover or record.stage is Stage.ABANDONED:
        return False
    if record.wish is Wish.ABANDON:
        return record.abandon_began_utc is None
    return record.cutover_at_utc is not None


def was_taken_back(record: MailboxRecord) -> bool:
    """Whether it was taken back, and nothing was asked since: what the same wish finds when its step is repeated."""
    is_asked = record.wish is not Wish.NONE or record.cutover_at_utc is not None
    return record.wish_utc is not None and not is_asked


def with_wish(stored: MailboxRecord, request: WishRequest, now_utc: datetime) -> MailboxRecord:
    """The row with the wish, which nothing refuses; the same row when it has it already."""
    if request.wish is stored.wish:
        return stored  # whoever asked first is named, and what waits since then goes on waiting from there
    match request.wish:
        case Wish.SURVEY:
            # Signed by nobody: it only looks, and who asked for the cutover that may stand there is to be told by the journal.
            return stored if is_survey_asked(stored) else replace(stored, survey_asked_utc=now_utc)
        case Wish.CUTOVER:
            return _with_cutover(stored, request, now_utc)
        case Wish.ROLLBACK if not stored.has_begun_cutover:
            return _taken_back(stored, request, now_utc)
    return _newly_asked(stored, request, now_utc)


def _newly_asked(stored: MailboxRecord, request: WishRequest, now_utc: datetime) -> MailboxRecord:
    asked = replace(stored, wish=request.wish, wish_utc=now_utc, wish_by=request.asked_by)
    match request.wish:
        case Wish.ROLLBACK:
            # Otherwise the old instant would cut it over again as soon as it is home.
            return replace(asked, cutover_at_utc=None)
        case Wish.ABANDON:
            return replace(asked, abandon_began_utc=None)
        case Wish.RETRY if stored.cutover_at_utc or stored.rollback_began_utc:
            # What goes on then is what somebody else asked for, and its effects are signed with that name.
            return replace(asked, wish_by=stored.wish_by)
    return asked


def standing_words(record: MailboxRecord) -> str:
    """What was asked of a mailbox and is not done, for the journal."""
    words = [record.wish.value] if record.wish is not Wish.NONE else []
    return ", ".join([*words, *_cutover_words(record)])


def asked_words(request: WishRequest, after: MailboxRecord) -> str:
    """What was asked now, for the journal. `after`: the row with the wish."""
    if request.wish is Wish.CUTOVER:
        waived = [f"waived {', '.join(request.waived)}"] if request.waived else []
        return ", ".join([*_cutover_words(after), *waived])
    is_taken_back = request.wish is Wish.ROLLBACK and after.wish is not Wish.ROLLBACK
    return "taken back" if is_taken_back else request.wish.value


def _cutover_words(record: MailboxRecord) -> list[str]:
    instant_utc = record.cutover_at_utc
    return [f"cutover at {instant_utc:%Y-%m-%dT%H:%M:%SZ}"] if instant_utc else []


def _with_cutover(stored: MailboxRecord, request: WishRequest, now_utc: datetime) -> MailboxRecord:
    instant_utc = request.at_utc
    if instant_utc is None:
        # At once again: what is due already stays due since then.
        instant_utc = min(now_utc, stored.cutover_at_utc or now_utc)
    waived = tuple(sorted({*stored.waived, *request.waived}))
    wanted = replace(stored, cutover_at_utc=instant_utc, waived=waived)
    return stored if wanted == stored else replace(wanted, wish_by=request.asked_by)


def _taken_back(stored: MailboxRecord, request: WishRequest, now_utc: datetime) -> MailboxRecord:
    """Nothing was touched yet: the mailbox stays where it is, and nothing begins by itself."""
    if not can_be_taken_back(stored):
        return stored
    wish = Wish.NONE if stored.wish is Wish.ABANDON else stored.wish
    return replace(
        stored, wish=wish, wish_utc=now_utc, wish_by=request.asked_by, cutover_at_utc=None
    )
