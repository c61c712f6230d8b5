"""One call on the tenant's Graph without the protocol: the same permissions, weather and refusals."""

from collections.abc import Iterator
from contextlib import contextmanager

from bascule.domain.codes import Code
from bascule.domain.errors import BasculeError, NotYet, Refusal, Throttled, Unreachable
from sandbox.world.directory_errors import DirectoryRefused, Reason
from sandbox.world.misfortune import Failure, FailureKind
from sandbox.world.world import World

# Directory replication takes seconds, a mailbox minutes.
REPLICATION_WAIT_S = 10.0
MAILBOX_WAIT_S = 60.0
# "Please wait briefly and retry", says the directory when other writes are in the way.
CONCURRENT_WAIT_S = 10.0

CODES = {
    Reason.ALREADY_EXISTS: Code.ACCOUNT_CONFLICT,
    Reason.WEAK_PASSWORD: Code.PASSWORD_REFUSED,
    Reason.PRIVILEGED: Code.PERMISSION_MISSING,
    Reason.USAGE_LOCATION: Code.USAGE_LOCATION_INVALID,
    Reason.OUT_OF_SEATS: Code.NO_SEAT,
    Reason.PLAN_DEPENDENCY: Code.PLAN_DEPENDENCY,
    Reason.PLAN_CONFLICT: Code.PLAN_CONFLICT,
    Reason.GROUP_MANAGED: Code.LICENCE_INHERITED,
    Reason.NOT_LICENSED: Code.LICENCE_REFUSED,
    Reason.UNKNOWN_LICENCE: Code.LICENCE_UNKNOWN,
}


@contextmanager
def graph_call(
    world: World, name: str, roles: frozenset[str], *, fallback: Code = Code.REQUEST_REJECTED
) -> Iterator[None]:
    """Do one call: `name` as misfortune knows it (`graph.POST users`), `roles` of which the app needs one.

    `fallback` is the code of a refusal that has no code of its own.

    Raises:
        Throttled, Unreachable: the weather; Unreachable also when only the answer was lost.
        NotYet: nothing of that name, or not yet.
        Refusal: the directory's, or PERMISSION_MISSING.
    """
    with world.kernel.look():
        world.calls["graph"] += 1
        app = world.tenant.app
        if not roles & (app.roles | app.roles_in_exchange):
            raise Refusal(Code.PERMISSION_MISSING, f"{name} needs one of {sorted(roles)}")
        failure = world.misfortune.before(name)
        if failure:
            raise unlucky(name, failure)
        try:
            yield
        except DirectoryRefused as no:
            raise refused(name, no, fallback) from no
        lost = world.misfortune.after(name)
        if lost:
            raise unlucky(name, lost)


def unlucky(name: str, failure: Failure) -> BasculeError:
    """What a misfortune means to the product."""
    if failure.kind is FailureKind.THROTTLED:
        return Throttled(float(failure.retry_after_s or 1), f"{name}: too many requests")
    if failure.status == 409:
        return Throttled(CONCURRENT_WAIT_S, f"{name}: the directory is busy with other writes")
    return Unreachable(f"{name}: {failure.kind}")


def refused(name: str, no: DirectoryRefused, fallback: Code) -> BasculeError:
    """What a refusal of the directory means to the product."""
    if no.reason is Reason.NOT_FOUND:
        return NotYet(REPLICATION_WAIT_S, f"{name}: {no.message}")
    return Refusal(CODES.get(no.reason, fallback), f"{name}: {no.message}")
