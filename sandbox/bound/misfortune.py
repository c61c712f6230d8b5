"""The weather between the product and the source's own servers: calls that fail before or after their effect."""

from bascule.domain.errors import Unreachable
from sandbox.world.world import World


def may_not_arrive(world: World, what: str) -> None:
    """Fail as the weather wills, before any effect.

    Raises:
        Unreachable: the server did not answer.
    """
    if world.source_strikes(f"{what} before", world.weather.source_unreachable_probability):
        raise Unreachable(f"{what}: no connection")


def reply_may_be_lost(world: World, what: str) -> None:
    """Fail as the weather wills, after the effect.

    Raises:
        Unreachable: the connection broke before the answer came.
    """
    if world.source_strikes(f"{what} after", world.weather.source_lost_reply_probability):
        raise Unreachable(f"{what}: the connection broke before the answer came")
