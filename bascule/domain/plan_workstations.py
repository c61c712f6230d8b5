"""The part of the plan about workstations: the steps that no software can do for a user, and how they are reminded."""

from dataclasses import dataclass, field

Problem = tuple[str, str] | None
# Each step is a mark for every user; a chunk of marks has to fit into one row.
STEP_COUNT_MAX = 5


@dataclass(frozen=True)
class WorkstationStepPlan:
    """One step, such as `outlook`: the profile adapted on the user's own machine."""

    text: str
    """What the user has to do, in a sentence or two."""


@dataclass(frozen=True)
class WorkstationsPlan:
    """What is left to do at each desk once a mailbox has moved."""

    steps: dict[str, WorkstationStepPlan] = field(default_factory=dict)
    """By name; none: nothing is counted."""
    reminder_subject: str = ""
    """Subject of the mail to a user with open steps; empty: nobody is reminded."""
    reminder_days: int = 7
    """After the migration, and between two reminders."""
    reminder_count_max: int = 3
    """Reminders to one user; whoever does not answer three of them needs a visit."""


def steps_problem(found: tuple[str, ...]) -> Problem:
    """What is wrong with the names of the steps."""
    if len(found) > STEP_COUNT_MAX:
        return f"has {len(found)} steps", f"Name at most {STEP_COUNT_MAX}"
    wrong = [name for name in found if not (name.isidentifier() and name.isascii())]
    if wrong:
        return f"has the name {wrong[0]!r}", "Use letters, digits and _, such as outlook"
    return None
