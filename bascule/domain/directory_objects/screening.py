"""Which groups have to be read member by member, when a list of all memberships says that the others agree.

The list comes from the directory behind Exchange in a few calls and may lag; Exchange itself answers for one group at
a time. So the list only says who agrees; whatever it makes look different is read again from Exchange before anything
is believed of it.
"""

from collections.abc import Iterable, Mapping

from bascule.domain.directory_objects.found import FoundGroup, Roll
from bascule.domain.directory_objects.values import WantedGroup


def agreeing_members(
    wanted: Iterable[WantedGroup],
    groups: Iterable[FoundGroup],
    roll: Roll,
    listed: Mapping[str, frozenset[str]],
) -> tuple[dict[str, frozenset[str]], tuple[str, ...]]:
    """({GUID: members} of the groups that agree with the list, GUIDs of those to be read from Exchange).

    `listed` is {directory id of a group: directory ids of its members}, all of them.
    """
    by_address = {address: group for group in groups for address in group.addresses}
    agreeing: dict[str, frozenset[str]] = {}
    doubtful: list[str] = []
    for each in wanted:
        group = by_address.get(each.address)
        if group is None:
            continue
        people = [found for member in each.members if (found := roll.at(member))]
        ids = frozenset(person.directory_id for person in people)
        if listed.get(group.directory_id) == ids and "" not in ids:
            agreeing[group.guid] = frozenset(person.address for person in people)
        else:
            doubtful.append(group.guid)
    return agreeing, tuple(doubtful)
