"""Which folder of the tenant a source folder is copied into.

The service goes by folder names, not by the SPECIAL-USE attributes of RFC 6154, and gives each special folder of the
mailbox to one source folder only: with both `Sent` and `Sent Items`, the first choice wins and the other one becomes
an ordinary folder of its own name. A level whose name holds `/` cannot be written in the tenant's folder paths, so such
a folder is left out.

Source: Microsoft Learn, "What you need to know about migrating your IMAP mailboxes" (folders with `/`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

LEVEL_SEPARATOR = "/"

# Per special folder of the tenant: the source names that may become it, best choice first, in lower case.
_CANDIDATES: dict[str, tuple[str, ...]] = {
    "Inbox": ("inbox",),
    "Sent Items": (
        "sent items",
        "sent",
        "sent messages",
        "éléments envoyés",
        "messages envoyés",
        "gesendete elemente",
        "elementos enviados",
        "inbox.sent",
        "inbox.sent items",
        "[gmail]/sent mail",
    ),
    "Deleted Items": (
        "deleted items",
        "trash",
        "deleted messages",
        "éléments supprimés",
        "corbeille",
        "gelöschte elemente",
        "elementos eliminados",
        "inbox.trash",
        "[gmail]/trash",
    ),
    "Drafts": (
        "drafts",
        "draft",
        "brouillons",
        "entwürfe",
        "borradores",
        "inbox.drafts",
        "[gmail]/drafts",
    ),
    "Junk Email": (
        "junk email",
        "[gmail]/spam",
        "spam",
        "junk",
        "courrier indésirable",
        "junk-e-mail",
        "correo no deseado",
        "[gmail]/all mail",
    ),
}

# The well-known names that -ExcludeFolders and -IncludeFolders take between `#`.
_WELL_KNOWN = {
    "inbox": "Inbox",
    "sentitems": "Sent Items",
    "deleteditems": "Deleted Items",
    "drafts": "Drafts",
    "junkemail": "Junk Email",
    "archive": "Archive",
}


@dataclass(frozen=True)
class SourceFolderName:
    """A source folder: its full name and the parts of it."""

    full: str
    levels: tuple[str, ...]

    @property
    def is_expressible(self) -> bool:
        """Whether every level can be written in a path of the tenant."""
        return not any(LEVEL_SEPARATOR in level for level in self.levels)


@dataclass(frozen=True)
class FolderPlan:
    """Where one source folder goes: its path below the root, and the folder of the tenant."""

    source_path: str
    target: str


def map_folders(names: Iterable[SourceFolderName], root: str = "") -> dict[str, FolderPlan]:
    """{source folder: its plan}, folders that cannot be copied left out.

    `root` is the CSV's UserRoot: only what lies under it is copied, named relative to it.
    """
    below = {name.full: _below(name, root) for name in names if name.is_expressible}
    paths = {full: levels for full, levels in below.items() if levels}
    special = _special_folders({full: _known_form(full, levels) for full, levels in paths.items()})
    homes = {paths[full]: target for full, target in special.items()}
    return {
        full: FolderPlan(LEVEL_SEPARATOR.join(levels), _target(levels, homes))
        for full, levels in paths.items()
    }


def is_wanted(plan: FolderPlan, exclude: tuple[str, ...], include: tuple[str, ...]) -> bool:
    """Whether a folder is copied under a batch's folder filters; case does not matter."""
    if any(_names(pattern, plan) for pattern in exclude):
        return False
    return not include or any(_names(pattern, plan) for pattern in include)


def _special_folders(known_forms: dict[str, str]) -> dict[str, str]:
    by_form = {form: full for full, form in sorted(known_forms.items(), reverse=True)}
    chosen: dict[str, str] = {}
    for target, candidates in _CANDIDATES.items():
        first = next((by_form[form] for form in candidates if form in by_form), None)
        if first is not None:
            chosen[first] = target
    return chosen


def _known_form(full: str, levels: tuple[str, ...]) -> str:
    # The `INBOX.` prefix is known with a dot only, not as `INBOX/`.
    return (
        full.lower() if full.lower().startswith("inbox.") else LEVEL_SEPARATOR.join(levels).lower()
    )


def _target(levels: tuple[str, ...], homes: dict[tuple[str, ...], str]) -> str:
    # A folder below a special one follows it.
    for depth in range(len(levels), 0, -1):
        home = homes.get(levels[:depth])
        if home is not None:
            return LEVEL_SEPARATOR.join((home, *levels[depth:]))
    first = "Inbox" if levels[0].lower() == "inbox" else levels[0]
    return LEVEL_SEPARATOR.join((first, *levels[1:]))


def _below(name: SourceFolderName, root: str) -> tuple[str, ...]:
    prefix = tuple(part for part in root.split(LEVEL_SEPARATOR) if part)
    if name.levels[: len(prefix)] != prefix:
        return ()
    return name.levels[len(prefix) :]


def _names(pattern: str, plan: FolderPlan) -> bool:
    path, with_below = (pattern[:-2], True) if pattern.endswith("/*") else (pattern, False)
    found = plan.source_path.lower()
    if path.startswith("#") and path.endswith("#"):
        path, found = _WELL_KNOWN.get(path.strip("#").lower(), path), plan.target.lower()
    wanted = path.lower()
    return found == wanted or (with_below and found.startswith(f"{wanted}/"))
