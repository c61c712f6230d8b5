"""Certificates: whoever is not proven to be the source gets no password."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bascule.adapters.imap.connection import ImapSourceMail
from bascule.domain.errors import Unreachable, Untrusted
from bascule.domain.mail import Login
from bascule.domain.plan import SourcePlan
from sandbox.faces.imap_server import Security
from sandbox.faces.server import Faces
from sandbox.local_host.clock import real_now_utc
from sandbox.world.world import World
from tests.infra.certificates import certificate_for

ANNA = Login("anna", "Pa55word")
PATIENCE_S = 10.0


@pytest.fixture(params=[Security.SSL, Security.STARTTLS])
def plan(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SourcePlan]:
    """A source with a certificate of a private authority."""
    world = World(7, lambda: datetime(2026, 11, 22, tzinfo=UTC))
    world.source.add("anna@example.org", ANNA.password, "anna")
    with Faces(world, imap_security=request.param, ca_file=tmp_path / "ca.pem") as faces:
        place = faces.addresses["source_imap"]
        yield SourcePlan(
            place["host"],
            place["port"],
            request.param.value,
            ca_file=place["ca_file"],
            connect_timeout_s=5,
            read_timeout_s=5,
        )


def test_the_plan_s_authority_is_believed(plan: SourcePlan) -> None:
    """A source with a private certificate could not be migrated."""
    with ImapSourceMail(plan).open(ANNA) as mailbox:
        assert [folder.name for folder in mailbox.folders()] == ["INBOX"]


def is_unproven(plan: SourcePlan) -> bool:
    """Whether opening ends because the certificate does not prove who answers."""
    with pytest.raises(Unreachable) as unreachable, ImapSourceMail(plan).open(ANNA):
        pass
    return isinstance(unreachable.value.__cause__, ssl.SSLCertVerificationError)


def test_a_certificate_of_somebody_else_is_not(plan: SourcePlan) -> None:
    """Whoever stands between us and the source would hold every password."""
    assert is_unproven(replace(plan, ca_file=""))


def test_a_certificate_for_another_name_is_not(plan: SourcePlan) -> None:
    """Any machine with a certificate of the same authority could play the source."""
    # Another spelling of the same address, which the certificate does not name.
    assert is_unproven(replace(plan, host="127.1"))


def test_an_encrypted_source_is_not_read_in_clear(plan: SourcePlan) -> None:
    """A plan that says `ssl` would send passwords in clear to a server that does not speak it."""
    wrong = "ssl" if plan.security == "starttls" else "starttls"
    silent = replace(plan, security=wrong, connect_timeout_s=1, read_timeout_s=1)

    with pytest.raises(Unreachable), ImapSourceMail(silent).open(ANNA):
        pass


def test_the_entrance_tells_how_long_the_certificate_lasts_and_what_is_spoken(
    plan: SourcePlan,
) -> None:
    """A certificate that ends in the middle of the migration stops every sync at once."""
    entrance = ImapSourceMail(plan).entrance()

    assert entrance.certificate_ends_utc is not None
    # The handshake has shown that it is valid now; here it is read in the right zone and century.
    assert timedelta(0) < entrance.certificate_ends_utc - real_now_utc() < timedelta(days=400)
    assert "IMAP4REV1" in {each.upper() for each in entrance.capabilities}


def test_an_entrance_that_nobody_vouches_for_is_not_looked_at(plan: SourcePlan) -> None:
    """Readiness must not be green over a certificate that the sync will refuse."""
    with pytest.raises(Untrusted, match="certificate"):
        ImapSourceMail(replace(plan, ca_file="")).entrance()


def test_a_certificate_that_has_ended_is_told_as_what_it_is(tmp_path: Path) -> None:
    """Told as a connection that failed, it would be looked for in the firewall."""
    made = certificate_for(tmp_path, [], age=timedelta(days=3))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert_file, made.key_file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        greeting = threading.Thread(target=_shake_hands, args=(server, context))
        greeting.start()
        plan = SourcePlan("127.0.0.1", server.getsockname()[1], ca_file=str(made.ca_file))
        with pytest.raises(Untrusted, match="expired"):
            ImapSourceMail(plan).entrance()
        greeting.join(PATIENCE_S)


def _shake_hands(server: socket.socket, context: ssl.SSLContext) -> None:
    server.settimeout(PATIENCE_S)
    connection, _ = server.accept()
    with connection, suppress(OSError):
        context.wrap_socket(connection, server_side=True).close()
