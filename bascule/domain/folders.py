"""Where a source folder's mail is expected in the cloud.

The migration maps special folders by name, one source folder per role; a second candidate becomes an ordinary folder.
Seen in an older build of the same engine; the cloud may differ, so the certificate also accepts a message that is
present in another folder of the mailbox.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

Path = tuple[str, ...]

INBOX = "INBOX"
# Per role the source names that are taken for it, first choice first; compared without regard to case.
ROLE_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Inbox": ("INBOX",),
        "Sent Items": ("Sent Items", "Sent", "Sent Messages", "INBOX.Sent", "INBOX.Sent Items"),
        "Deleted Items": ("Deleted Items", "Trash", "Deleted Messages", "INBOX.Trash"),
        "Drafts": ("Drafts", "Draft", "INBOX.Drafts"),
        "Junk Email": ("Junk Email", "Spam", "Junk"),
    }
)


def candidates(role: str, names: Iterable[str]) -> tuple[str, ...]:
    """The source folders that could fill a role, best first."""
    by_lower = {name.lower(): name for name in names}
    return tuple(
        by_lower[wanted.lower()] for wanted in ROLE_NAMES[role] if wanted.lower() in by_lower
    )


def cloud_paths(folders: Mapping[str, Path]) -> dict[str, Path]:
    """Where each source folder is expected: {source name: path in the cloud}.

    `folders` gives each source folder's levels. A folder below a special one follows its parent.
    """
    roles = {found[0]: role for role in ROLE_NAMES if (found := candidates(role, folders))}
    by_path = {path: name for name, path in folders.items()}
    return {name: _cloud_path(path, roles, by_path) for name, path in folders.items()}


def _cloud_path(path: Path, roles: Mapping[str, str], by_path: Mapping[Path, str]) -> Path:
    for depth in range(len(path), 0, -1):
        role = roles.get(by_path.get(path[:depth], ""))
        if role is not None:
            return (role, *path[depth:])
    return path


def home_name(cloud_path: Path, folders: Mapping[str, Path]) -> str | None:
    """The source folder that a cloud folder's mail goes back to; None when the source has none for it."""
    return next(
        (name for name, expected in cloud_paths(folders).items() if expected == cloud_path), None
    )
