"""Every interleaving of the cutover's heart, searched to the end; a second or two."""

import pytest

from sandbox.simulate.cutover_kernel import Rules, can_always_end, search


def test_no_interleaving_of_the_cutover_breaks_a_promise() -> None:
    """A loop that needs one unlucky order of two messages, two caches and two crashes would be met in production."""
    found = search()

    assert found.broken == "", " -> ".join(found.way)
    assert found.state_count > 5_000


def test_from_every_state_the_cutover_can_still_end() -> None:
    """A crash at the wrong instant must not leave a mailbox that no retry can carry on."""
    assert can_always_end()


@pytest.mark.parametrize(
    ("rules", "promise"),
    [
        (Rules(leaves_first=False), "both redirects at once"),
        (Rules(waits_for_hold=False, probes_needed=1), "both redirects at once"),
        (Rules(fetches_after_redirect=False), "a message stays behind"),
    ],
)
def test_the_search_finds_each_deliberate_mistake(rules: Rules, promise: str) -> None:
    """A search that finds nothing because it looks at nothing would be worse than none."""
    assert search(rules).broken == promise


def test_probes_alone_cannot_prove_that_every_server_has_forgotten() -> None:
    """Why there is a hold: probes may all pass the same server. Without it the order of the redirects is a wager."""
    assert search(Rules(waits_for_hold=False)).broken == "both redirects at once"
