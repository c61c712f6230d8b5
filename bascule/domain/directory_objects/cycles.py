"""Groups in groups, without end: a message to one of them would go round for ever."""

from collections.abc import Iterable, Iterator

from bascule.domain.directory_objects.drafts import Draft, Membership
from bascule.domain.directory_objects.tables import FileMistake


def cycle_mistakes(memberships: Iterable[Draft[Membership]]) -> Iterator[FileMistake]:
    """One mistake at each row that closes a circle of groups."""
    rows = tuple(memberships)
    groups = {draft.value.group for draft in rows}
    inner: dict[str, set[str]] = {}
    for draft in rows:
        group, member = draft.value.group, draft.value.member
        if member not in groups:
            continue
        if group == member:
            yield draft.row.wrong("Member", "is the group itself", "Take the row out")
        elif _leads_to(member, group, inner):
            what = "contains this group already, directly or through others: a circle"
            yield draft.row.wrong("Member", what, "Take one of the circle's rows out")
        else:
            # Rows that close a circle are left out, so that the next row is judged by itself.
            inner.setdefault(group, set()).add(member)


def _leads_to(start: str, goal: str, inner: dict[str, set[str]]) -> bool:
    seen, ahead = {start}, [start]
    while ahead:  # ends: every group is looked at once
        for group in inner.get(ahead.pop(), ()):
            if group == goal:
                return True
            if group not in seen:
                seen.add(group)
                ahead.append(group)
    return False
