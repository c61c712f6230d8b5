"""The readiness list: every check by itself, bounded in time; one that fails or hangs hides no other."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from activities.readiness_microsoft import MICROSOFT_CHECKS
from activities.readiness_plan import PLAN_CHECKS
from activities.readiness_source import SOURCE_CHECKS
from bascule.domain.errors import BasculeError, Conflict, Refusal
from bascule.domain.plan_file import PlanInvalid
from bascule.domain.readiness import Check, failed, red, unknown
from bascule.ports.bundle import Ports

Work = Callable[[Ports], Iterable[Check]]

# Each is one or a few calls; the front door of the app gives up after 230 s.
CHECKS_TIME_S = 90.0
# Half of what a tenant takes at once, and the rest waits for DNS and the source.
AT_ONCE_COUNT = 6
# Where being refused for lack of a right is the very finding.
RIGHTS = frozenset({"token_roles", "token_roles_mail", "cmdlets"})
NO_PLAN = "the plan cannot be used: see plan"
CHECKS: dict[str, Work] = {**PLAN_CHECKS, **MICROSOFT_CHECKS, **SOURCE_CHECKS}

_one_list_at_a_time = threading.Lock()


def readiness(ports: Ports, at_once_count: int = AT_ONCE_COUNT) -> tuple[Check, ...]:
    """Every check, in the order of the list; what was not answered in time is unknown.

    Raises:
        Conflict: the list is being made for somebody else; two would take twice as much of the tenant's patience.
    """
    if not _one_list_at_a_time.acquire(blocking=False):
        raise Conflict("the readiness list is being made for somebody else")
    try:
        pool = ThreadPoolExecutor(at_once_count, thread_name_prefix="readiness")
        asked = {name: pool.submit(_checked, ports, name, work) for name, work in CHECKS.items()}
        wait(asked.values(), timeout=CHECKS_TIME_S)
        # A call that hangs ends by its own timeout; nobody waits for it here.
        pool.shutdown(wait=False, cancel_futures=True)
        return tuple(check for name, found in asked.items() for check in _answered(name, found))
    finally:
        _one_list_at_a_time.release()


def _checked(ports: Ports, name: str, work: Work) -> tuple[Check, ...]:
    try:
        return tuple(work(ports))
    except PlanInvalid as unusable:
        # Told once: every check that reads the plan meets the same.
        told = "; ".join(str(mistake) for mistake in unusable.mistakes)
        return (red(name, told) if name == "plan" else unknown(name, NO_PLAN),)
    except BasculeError as error:
        is_answer = name in RIGHTS and isinstance(error, Refusal)
        return (red(name, str(error)) if is_answer else failed(name, error),)
    except Exception as unforeseen:  # noqa: BLE001  one broken check must not hide the others
        return (unknown(name, f"the check itself broke: {type(unforeseen).__name__}"),)


def _answered(name: str, found: "Future[tuple[Check, ...]]") -> tuple[Check, ...]:
    if not found.done() or found.cancelled():
        return (unknown(name, f"no answer within {CHECKS_TIME_S:.0f} s"),)
    return found.result()
