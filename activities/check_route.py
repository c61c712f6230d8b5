"""See where one address delivers now: exactly one destination, the expected one."""

from activities.subject import record_of
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.requests import RouteExpectation, RouteFacts
from bascule.domain.routes import Route
from bascule.ports.bundle import Ports


def check_route(ports: Ports, expectation: RouteExpectation) -> RouteFacts:
    """The one destination of the address.

    Raises:
        Refusal(ALIAS_MISSING): no row of its own, perhaps only the domain's catch-all.
        Refusal(ALIAS_SECOND_DESTINATION): a private forward or a kept copy stands beside it.
        Refusal(ALIAS_UNEXPECTED): before the cutover, the row is not in the plan's form.
        Refusal(ALIAS_CHANGED): after a turn, the row is not what was written.
    """
    record = record_of(ports, expectation.ref)
    route = ports.alias_map.route(record.address)
    destination = _only_destination(route)
    expected = expectation.destination or ports.plan.alias_map.home_of(record.address)
    if destination.lower() != expected.lower():
        code = Code.ALIAS_CHANGED if expectation.destination else Code.ALIAS_UNEXPECTED
        raise Refusal(code, f"{route.address} delivers to {destination}, expected {expected}")
    return RouteFacts(destination)


def _only_destination(route: Route) -> str:
    if not route.destinations:
        beside = f"; the catch-all leads to {', '.join(route.catch_all)}" if route.catch_all else ""
        raise Refusal(Code.ALIAS_MISSING, f"{route.address} has no row in the alias map{beside}")
    if len(route.destinations) > 1:
        others = ", ".join(route.destinations)
        raise Refusal(
            Code.ALIAS_SECOND_DESTINATION, f"{route.address} delivers to several: {others}"
        )
    return route.destinations[0]
