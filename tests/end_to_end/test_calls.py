"""How often one mailbox makes the app call somebody else's service, from its upload to MIGRATED.

Counted are HTTP requests to Graph and to Exchange's gateway, and IMAP sessions; looks that found nothing yet, and what
a batch asks for all its mailboxes together, are counted too, so a small batch pays more for each. Without those a
mailbox costs about 36 of its own: 11 for the certificate, 9 for three probes, 7 for account and licences, 4 IMAP
sessions, 3 in Exchange, 2 for the notice; the rest is shared.
"""

import sys
from collections import Counter

import pytest

from tests.end_to_end.conftest import Opener

pytestmark = pytest.mark.slow

PEOPLE = 6
REMOTE = ("graph", "exchange", "imap_sessions")
# Measured: 44 to 45 with six mailboxes, more on a busy machine, because time goes on between two looks.
CALLS_PER_MAILBOX_MAX = 52.0


def test_a_mailbox_costs_a_bounded_number_of_calls(
    opened: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tenant throttles an app that asks too much, and then ten thousand mailboxes do not move in a night."""
    run = opened(count=PEOPLE)
    run.upload("pilot")
    run.wait_for_stage("pilot", "SYNCED")
    synced = Counter(run.rig.world.calls)
    run.wish("pilot", "cutover")
    run.wait_for_stage("pilot", "MIGRATED")
    migrated = Counter(run.rig.world.calls)
    each = sum(migrated[kind] for kind in REMOTE) / PEOPLE
    with capsys.disabled():
        sys.stdout.write(f"\n{each:.1f} calls a mailbox: {dict(synced)} SYNCED, {dict(migrated)}\n")

    assert each <= CALLS_PER_MAILBOX_MAX
