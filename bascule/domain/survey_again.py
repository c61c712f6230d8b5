"""When a source is surveyed again: on an operator's word, and at the instant of a cutover that an offence holds up.

What was mended meanwhile is then found no more, and nobody has to waive what is gone. Two occasions and one way: the row says
that a survey is wanted, and the mailbox's own story makes it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bascule.domain.codes import Offence
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage

SURVEY_AGE_MAX = timedelta(hours=1)
"""While an offence holds a cutover up, the source is surveyed this often. A survey opens every folder, and a user who was
asked to delete a letter takes longer than the ten minutes between two looks; whoever is in a hurry asks for a survey."""

# The mailbox's mail is at home, and the group sends it there. Before that a source that is away would keep it from joining.
SURVEYABLE = frozenset({Stage.COEXISTING, Stage.SYNCING, Stage.SYNCED, Stage.ROLLED_BACK})


def standing_offences(record: MailboxRecord, waived: Iterable[str]) -> tuple[str, ...]:
    """Names of the offences that hold up a cutover: found, and waived by nobody."""
    found = {offence.partition(":")[0] for offence in record.offences}
    return tuple(sorted(found - set(waived)))


def is_surveyable(record: MailboxRecord) -> bool:
    """Whether its source can be surveyed again: from COEXISTING on, until the cutover begins."""
    return record.stage in SURVEYABLE and not record.has_begun_cutover


def is_survey_asked(record: MailboxRecord) -> bool:
    """Whether somebody asked for a survey that was not made yet."""
    asked_utc, made_utc = record.survey_asked_utc, record.surveyed_utc
    return asked_utc is not None and (made_utc is None or made_utc < asked_utc)


def survey_wanted_utc(
    record: MailboxRecord, waived: Iterable[str], now_utc: datetime
) -> datetime | None:
    """Since when a survey is wanted; None when none is, or none can be made now. `waived`: by the row or by the plan."""
    if not is_surveyable(record):
        return None
    if is_survey_asked(record):
        return record.survey_asked_utc
    due_utc = _due_utc(record)
    # Rows that go past the alias are looked for at each look of a story that is held up; no folder has to be opened.
    in_the_mail = standing_offences(record, {*waived, Offence.ALIAS_BYPASSED})
    return due_utc if due_utc and due_utc <= now_utc and in_the_mail else None


def _due_utc(record: MailboxRecord) -> datetime | None:
    """When an offence that stands is looked for again without being asked; before SYNCED it is not what holds up."""
    if record.stage is not Stage.SYNCED or record.cutover_at_utc is None:
        return None
    if record.surveyed_utc is None:
        return record.cutover_at_utc
    return max(record.cutover_at_utc, record.surveyed_utc + SURVEY_AGE_MAX)
