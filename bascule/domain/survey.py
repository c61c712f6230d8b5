"""What in a source mailbox will not arrive as it is. Source: "What you need to know about migrating your IMAP mailboxes
to Microsoft 365 or Office 365", Microsoft Learn.
"""

from collections.abc import Iterator, Mapping, Sequence

from bascule.domain.codes import Offence
from bascule.domain.folders import ROLE_NAMES, candidates
from bascule.domain.mail import Offender, SourceFolder, Survey
from bascule.domain.plan import SurveyPlan
from bascule.domain.routes import AliasRow

WHOLE_MAILBOX = ""
"""Where an offence has no folder."""
SLASH = "/"


def survey_of(
    folders: Sequence[SourceFolder],
    large_counts: Mapping[str, int],
    limits: SurveyPlan,
    bypasses: Sequence[AliasRow] = (),
) -> Survey:
    """The folders and every offence in them.

    `large_counts` gives the messages above the plan's size per folder name; a folder that is not named has none.
    """
    offenders = (
        *_too_many(folders, limits.message_count_max),
        *_too_large(folders, large_counts),
        *_slashes(folders),
        *_second_candidates(folders),
        *_ways_past_the_alias(bypasses),
    )
    return Survey(tuple(folders), offenders, tuple(bypasses))


def _too_many(folders: Sequence[SourceFolder], count_max: int) -> Iterator[Offender]:
    # The migration goes from the newest to the oldest: what is beyond the limit is the oldest mail, in any folder.
    message_count = sum(folder.message_count for folder in folders)
    if message_count > count_max:
        yield Offender(Offence.TOO_MANY_MESSAGES, WHOLE_MAILBOX, message_count - count_max)


def _too_large(folders: Sequence[SourceFolder], counts: Mapping[str, int]) -> Iterator[Offender]:
    for folder in folders:
        if counts.get(folder.name, 0):
            yield Offender(Offence.MESSAGE_TOO_LARGE, folder.name, counts[folder.name])


def _slashes(folders: Sequence[SourceFolder]) -> Iterator[Offender]:
    # An empty folder too: it would not be there for the mail that still comes.
    for folder in folders:
        if any(SLASH in level for level in folder.path):
            yield Offender(Offence.FOLDER_NAME_HAS_SLASH, folder.name, folder.message_count)


def _second_candidates(folders: Sequence[SourceFolder]) -> Iterator[Offender]:
    counts = {folder.name: folder.message_count for folder in folders}
    for role in ROLE_NAMES:
        # The first one becomes the special folder, the others ordinary ones beside it: "two Sent folders".
        for name in candidates(role, counts)[1:]:
            yield Offender(Offence.TWO_FOLDERS_FOR_ONE_ROLE, name, counts[name])


def _ways_past_the_alias(bypasses: Sequence[AliasRow]) -> Iterator[Offender]:
    # What they bring after the cutover is carried over while the sync lives, and lost to the owner afterwards.
    if bypasses:
        yield Offender(Offence.ALIAS_BYPASSED, WHOLE_MAILBOX, len(bypasses))
