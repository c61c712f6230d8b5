"""The plan's section on Postfix's own door, and the switch that needs it."""

import pytest

from bascule.domain.plan_submission import check_submission, places_problem


@pytest.mark.parametrize(
    "hosts",
    [(), ("mx1.example.org",), ("mx1.example.org", "mx2.example.org:2525"), ("192.0.2.1:25",)],
)
def test_hosts_are_taken_with_and_without_a_port(hosts: tuple[str, ...]) -> None:
    """Where port 25 is blocked on the way out, only another port gets a probe through."""
    assert places_problem(hosts) is None


@pytest.mark.parametrize(
    "hosts",
    [
        ("smtp://user:secret@mx1.example.org",),
        ("mx1.example.org:0",),
        ("mx1.example.org:65536",),
        ("mx1.example.org", "MX1.example.org"),
        tuple(f"mx{number}.example.org" for number in range(9)),
    ],
)
def test_what_is_no_list_of_hosts_is_refused_without_being_repeated(hosts: tuple[str, ...]) -> None:
    """A URL pasted into the plan may hold a password, and mistakes are shown to many."""
    problem = places_problem(hosts)

    assert problem is not None
    assert "secret" not in " ".join(problem)


def test_the_switch_needs_hosts() -> None:
    """Probes through nobody would all have arrived."""
    mistakes = list(check_submission({"cutover.source_probe": True, "submission.hosts": ()}))

    assert [each.key for each in mistakes] == ["submission.hosts"]


@pytest.mark.parametrize(("host", "wrong"), [("mx1.example.org", 1), ("127.0.0.1:2525", 0)])
def test_encryption_is_off_only_on_this_machine(host: str, wrong: int) -> None:
    """A probe tells which address is being moved; it is nobody else's business."""
    values = {"submission.hosts": (host,), "submission.security": "none"}

    assert len(list(check_submission(values))) == wrong
