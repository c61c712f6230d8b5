"""Addresses that only the alias map knows: with the domains the tenant's own, mail to them is refused at its door.

While MX leads to Postfix it delivers them by their rows. Once it leads to the tenant nobody asks the map any more, and the tenant's
one connector to Postfix serves the members of the coexistence group alone.
"""

from bascule.ports.bundle import Ports


def known_to_alias_map_alone(ports: Ports) -> tuple[str, ...]:
    """Addresses of the plan's domains with a row, and of no recipient of the tenant; sorted, catch-all rows as `@example.org`.

    Reads the whole alias map, and everyone in the tenant: a call for each thousand.
    """
    held = {
        each for domain in ports.plan.tenant.domains for each in ports.alias_map.sources(domain)
    }
    known = {address for each in ports.recipients.everyone() for address in each.addresses}
    return tuple(sorted(held - known))
