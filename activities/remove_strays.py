"""Remove probes that were not found in time."""

from activities.look_for_probe import removed_from_cloud, removed_from_source
from activities.send_probe import probe_subject
from activities.subject import record_of
from bascule.domain.requests import Strays
from bascule.ports.bundle import Ports


def remove_strays(ports: Ports, strays: Strays) -> bool:
    """Look on both sides; a probe relayed by one system may have been copied by the sync since."""
    if not strays.tokens:
        return True
    record = record_of(ports, strays.ref)
    subjects = tuple(probe_subject(token) for token in strays.tokens)
    removed_from_source(ports, record, subjects)
    for subject in subjects:
        removed_from_cloud(ports, record, subject)
    return True
