"""The five files, checked together: against each other, against the tenant and against the batches."""

from collections.abc import Mapping
from dataclasses import replace

from bascule.domain.directory_objects.addresses_taken import address_mistakes
from bascule.domain.directory_objects.cycles import cycle_mistakes
from bascule.domain.directory_objects.drafts import Drafts, read_drafts
from bascule.domain.directory_objects.references import reference_mistakes
from bascule.domain.directory_objects.surroundings import Surroundings
from bascule.domain.directory_objects.tables import FileMistake
from bascule.domain.directory_objects.values import WantedDirectory
from bascule.domain.errors import BasculeError

# An error text is for a person; whoever wants all of them reads `mistakes`.
SHOWN_COUNT_MAX = 100


class DirectoryFilesInvalid(BasculeError):
    """The files cannot be used; `mistakes` names everything to put right, sorted by file, line and column."""

    def __init__(self, mistakes: tuple[FileMistake, ...]) -> None:
        shown = [str(mistake) for mistake in mistakes[:SHOWN_COUNT_MAX]]
        if len(mistakes) > SHOWN_COUNT_MAX:
            shown.append(f"... and {len(mistakes) - SHOWN_COUNT_MAX} more")
        super().__init__(f"The files have {len(mistakes)} mistake(s):\n" + "\n".join(shown))
        self.mistakes = mistakes


def read_directory_files(files: Mapping[str, bytes], surroundings: Surroundings) -> WantedDirectory:
    """What the files want, {file name: bytes}.

    Raises:
        DirectoryFilesInvalid: with every mistake of all files; no message repeats a cell.
    """
    drafts = read_drafts(files)
    mistakes = {
        *drafts.mistakes,
        *address_mistakes(drafts, surroundings),
        *reference_mistakes(drafts, surroundings),
        *cycle_mistakes(drafts.memberships),
    }
    if mistakes:
        raise DirectoryFilesInvalid(tuple(sorted(mistakes)))
    return _wanted(drafts)


def _wanted(drafts: Drafts) -> WantedDirectory:
    members: dict[str, list[str]] = {}
    for draft in drafts.memberships:
        members.setdefault(draft.value.group, []).append(draft.value.member)
    groups = (
        replace(draft.value, members=tuple(sorted(members.get(draft.value.address, ()))))
        for draft in drafts.groups
    )
    return WantedDirectory(
        groups=tuple(sorted(groups, key=lambda group: group.address)),
        mailboxes=tuple(sorted((d.value for d in drafts.mailboxes), key=lambda m: m.address)),
        delegations=tuple(
            sorted(
                (d.value for d in drafts.delegations), key=lambda d: (d.mailbox, d.trustee, d.right)
            )
        ),
        contacts=tuple(sorted((d.value for d in drafts.contacts), key=lambda c: c.address)),
    )
