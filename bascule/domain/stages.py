"""The stages of a mailbox's life and which may follow which.

REGISTERED -> SURVEYED -> PROVISIONED -> COEXISTING -> SYNCING -> SYNCED
   -> DETACHED -> REDIRECTED -> FINAL_SYNC -> PROVEN -> MIGRATED
from any of them: SET_ASIDE      from DETACHED on: ROLLED_BACK      before DETACHED: ABANDONED
from DETACHED back to SYNCED: a proof that has grown old
"""

from enum import StrEnum
from types import MappingProxyType


class Stage(StrEnum):
    """What is proven true of a mailbox now."""

    REGISTERED = "REGISTERED"
    SURVEYED = "SURVEYED"
    PROVISIONED = "PROVISIONED"
    COEXISTING = "COEXISTING"
    SYNCING = "SYNCING"
    SYNCED = "SYNCED"
    DETACHED = "DETACHED"
    REDIRECTED = "REDIRECTED"
    FINAL_SYNC = "FINAL_SYNC"
    PROVEN = "PROVEN"
    MIGRATED = "MIGRATED"
    SET_ASIDE = "SET_ASIDE"
    ROLLED_BACK = "ROLLED_BACK"
    ABANDONED = "ABANDONED"


LIFE = (
    Stage.REGISTERED,
    Stage.SURVEYED,
    Stage.PROVISIONED,
    Stage.COEXISTING,
    Stage.SYNCING,
    Stage.SYNCED,
    Stage.DETACHED,
    Stage.REDIRECTED,
    Stage.FINAL_SYNC,
    Stage.PROVEN,
    Stage.MIGRATED,
)

# From here on the mail of the mailbox may already go to the cloud: leaving needs the rollback story.
CUT_OVER = frozenset(LIFE[LIFE.index(Stage.DETACHED) :])

# Here a cutover may have begun all the same: out of the group and not yet proven, or its sync begun anew on the way.
MAY_BE_TURNING = frozenset({Stage.COEXISTING, Stage.SYNCING, Stage.SYNCED})

_SIDE_DOORS = {Stage.SET_ASIDE}


def _after(stage: Stage) -> frozenset[Stage]:
    position = LIFE.index(stage)
    following = set(LIFE[position + 1 : position + 2]) | _SIDE_DOORS
    # Cut over: only the rollback leads out. Before: nothing of the route has changed, so leaving is free.
    following.add(Stage.ROLLED_BACK if stage in CUT_OVER else Stage.ABANDONED)
    if stage in MAY_BE_TURNING:
        following.add(Stage.ROLLED_BACK)
    if stage is Stage.DETACHED:
        # Its proof has grown old before the alias was turned: out of the group, hold and probes begin anew.
        following.add(Stage.SYNCED)
    return frozenset(following)


TRANSITIONS = MappingProxyType(
    {stage: _after(stage) for stage in LIFE}
    | {
        # A retry goes back to the stage that was proven last; which one that is stands in the record.
        Stage.SET_ASIDE: frozenset(LIFE) | {Stage.ROLLED_BACK, Stage.ABANDONED, Stage.SET_ASIDE},
        # Home again, member of the group again, still in the sync: a second cutover starts here.
        Stage.ROLLED_BACK: frozenset({Stage.SYNCED, Stage.SET_ASIDE, Stage.ABANDONED}),
        Stage.ABANDONED: frozenset(),
    }
)


def may_follow(current: Stage, following: Stage) -> bool:
    """Whether a mailbox at `current` may go to `following`; staying is always allowed."""
    return current is following or following in TRANSITIONS[current]
