"""One cmdlet on the tenant's Exchange without the protocol: the same roles, weather and refusals."""

from collections.abc import Iterator
from contextlib import contextmanager

from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, Refusal, Throttled, Unreachable
from sandbox.faces.exchange_catalogue import CMDLETS
from sandbox.world.exchange_refusals import ExchangeRefusal, GroupManagerRequired
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.world import World

APP_ROLE = "Exchange.ManageAsApp"


@contextmanager
def exchange_call(world: World, cmdlet: str, *, may_quote: bool = True) -> Iterator[None]:
    """Run one cmdlet; with `may_quote` off no word of Exchange's enters an error.

    A refusal that the caller knows what to do with is caught inside, before it becomes the product's error.

    Raises:
        Throttled, Unreachable: the weather; Unreachable also when only the answer was lost.
        Refusal: PERMISSION_MISSING or REQUEST_REJECTED.
    """
    with world.kernel.look():
        world.calls["exchange"] += 1
        _check_roles(world, cmdlet)
        failure = world.misfortune.before(f"exchange.{cmdlet}")
        if failure:
            raise _unlucky(cmdlet, failure)
        try:
            yield
        except ExchangeRefusal as no:
            raise _refused(cmdlet, no, may_quote=may_quote) from (no if may_quote else None)
        lost = world.misfortune.after(f"exchange.{cmdlet}")
        if lost:
            raise _unlucky(cmdlet, lost)


def _check_roles(world: World, cmdlet: str) -> None:
    wanted = CMDLETS[cmdlet.lower()].roles
    if APP_ROLE not in world.tenant.app.roles or not wanted & world.tenant.exchange_roles:
        raise Refusal(Code.PERMISSION_MISSING, f"{cmdlet} needs one of {sorted(wanted)}")


def _unlucky(cmdlet: str, failure: Failure) -> BasculeError:
    if failure.kind is FailureKind.THROTTLED:
        return Throttled(float(failure.retry_after_s or 1), f"{cmdlet}: too many requests")
    return Unreachable(f"{cmdlet}: {failure.kind}")


def _refused(cmdlet: str, no: ExchangeRefusal, *, may_quote: bool) -> Refusal:
    code = Code.REQUEST_REJECTED
    if isinstance(no, GroupManagerRequired):
        code = Code.PERMISSION_MISSING
    return Refusal(code, f"{cmdlet}: {no.text}" if may_quote else f"{cmdlet}: {type(no).__name__}")
