"""The mail host by itself: what the operator's guide asks of a Postfix, Dovecot and MariaDB host, tried on real ones."""

import smtplib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pymysql
import pytest

from bascule.adapters.alias_tables.mysql import MysqlAliasMap
from bascule.adapters.clock import SystemClock
from bascule.adapters.imap.connection import ImapSourceMail
from bascule.adapters.source_submission import SmtpSubmission
from bascule.domain.errors import BasculeError, Unreachable
from bascule.domain.mail import Login, RawMessage
from bascule.domain.plan import AliasMapPlan, SourcePlan
from bascule.domain.plan_submission import SubmissionPlan
from bascule.domain.routes import RouteSwitch
from sandbox.rehearsal.dovecot_mail import DovecotMail
from sandbox.rehearsal.judgement import is_as_sent
from sandbox.rehearsal.letters import SHAPES, Letters
from sandbox.rehearsal.mail_log import read_logs
from sandbox.rig.azurite import free_ports
from sandbox.servers.dovecot import MASTER_USER, MailUser
from sandbox.servers.machine import LOOPBACK, private_folder, run, wait_until
from sandbox.servers.mail_host import MailHost
from sandbox.servers.mariadb import DATABASE, PRODUCT_USER, TABLE, MariaDbAliases
from sandbox.servers.postfix import MESSAGE_BYTES_MAX, Postfix
from sandbox.world.mail import MailStore, fingerprint
from sandbox.world.naming import Naming
from sandbox.world.trace import is_probe

pytestmark = pytest.mark.slow

# Source: Dovecot 2.3, mail_max_userip_connections; postconf(5), message_size_limit.
SESSIONS_BY_DEFAULT, SIZE_BY_DEFAULT = 10, 10_240_000
ANNA = MailUser("anna", "Sésame: ouvre %n toi")
ADDRESS, HOME = "anna@example.org", "anna@ca.example.org"
CLOUD = "anna@exampleorg.onmicrosoft.com"


@pytest.fixture(scope="module")
def host(servers: None) -> Iterator[MailHost]:
    """The whole host with one mailbox; nobody listens where the tenant would. Ten seconds to start."""
    with private_folder() as folder, MailHost(folder, Naming(), [ANNA]) as started:
        MariaDbAliases(started.database).edit_by_hand(ADDRESS, [HOME])
        (nobody,) = free_ports(1)
        started.open_postfixes(nobody)
        yield started


def source_plan(host: MailHost, security: str) -> SourcePlan:
    """The plan's section on the source."""
    port = host.dovecot.imaps_port if security == "ssl" else host.dovecot.imap_port
    return SourcePlan(LOOPBACK, port, security, ca_file=str(host.dovecot.ca_file))


@contextmanager
def as_product(
    host: MailHost,
) -> Iterator["pymysql.connections.Connection[pymysql.cursors.Cursor]"]:
    """A connection as the product's own user."""
    connection = pymysql.connect(
        host=LOOPBACK, port=host.database.port, user=PRODUCT_USER,
        password=host.database.product_password, autocommit=True,
    )  # fmt: skip
    try:
        yield connection
    finally:
        connection.close()


def inbox(host: MailHost) -> MailStore:
    """Anna's mail."""
    return DovecotMail(host.dovecot).read("anna")


def send(postfix: Postfix, raw: bytes) -> None:
    """One message from outside."""
    with smtplib.SMTP(LOOPBACK, postfix.port) as smtp:
        smtp.sendmail("client@example.net", [ADDRESS], raw)


@pytest.mark.parametrize("security", ["ssl", "starttls"])
@pytest.mark.parametrize("is_master", [False, True])
def test_a_mailbox_opens_with_its_own_password_and_with_the_master_s(
    host: MailHost, security: str, is_master: bool
) -> None:
    """Without the one or the other a whole organisation's mailboxes could not be read."""
    login = Login(f"anna*{MASTER_USER}", host.dovecot.master_password)
    mail = ImapSourceMail(source_plan(host, security))

    with mail.open(login if is_master else Login(ANNA.name, ANNA.password)) as mailbox:
        assert "INBOX" in {folder.name for folder in mailbox.folders()}


def test_a_message_without_an_id_is_put_into_a_real_mailbox_once(host: MailHost) -> None:
    """Real servers count sizes and days in their own way, by which a message is known that has no id."""
    before_utc = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    drafts = [
        RawMessage(f"Subject: draft {end!r}{end}{end}Böse{end}".encode(), ("\\Draft",), before_utc)
        for end in ("\n", "\r\n")
    ]
    mail = ImapSourceMail(source_plan(host, "ssl"))

    for _ in range(2):
        with mail.open(Login(ANNA.name, ANNA.password)) as mailbox:
            assert all(mailbox.append("Neu/Brouillons", draft) for draft in drafts)
    assert len(inbox(host).folder("Neu/Brouillons").messages) == len(drafts)


def test_a_master_user_of_the_page_s_form_opens_a_mailbox(host: MailHost) -> None:
    """A hash in the wrong form, and every mailbox of the batch is set aside."""
    made = run(["doveadm", "pw", "-s", "SHA512-CRYPT", "-p", "the master's"]).strip()
    with (host.dovecot.ca_file.parent / "masters").open("a", encoding="utf-8") as masters:
        masters.write(f"second:{made}\n")
    mail = ImapSourceMail(source_plan(host, "ssl"))

    def opens() -> bool:
        try:
            with mail.open(Login(f"{ANNA.name}*second", "the master's")) as mailbox:
                return bool(mailbox.folders())
        except BasculeError:
            return False  # Dovecot looks at the file once a second

    wait_until(opens, "the second master")


def test_more_sessions_of_one_user_are_open_at_once_than_dovecot_allows_by_itself(
    host: MailHost,
) -> None:
    """The sync would be refused because its owner reads mail on two devices."""
    mail = ImapSourceMail(source_plan(host, "ssl"))
    with ExitStack() as stack:
        opened = [
            stack.enter_context(mail.open(Login(ANNA.name, ANNA.password)))
            for _ in range(SESSIONS_BY_DEFAULT + 1)
        ]
        assert all(mailbox.folders() for mailbox in opened)


@pytest.mark.parametrize("security", ["ssl", "starttls"])
def test_a_server_with_an_unknown_authority_gets_no_password(host: MailHost, security: str) -> None:
    """Whoever stands in between would collect every password of the batch."""
    plan = replace(source_plan(host, security), ca_file="")

    with pytest.raises(Unreachable), ImapSourceMail(plan).open(Login(ANNA.name, ANNA.password)):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM {DATABASE}.{TABLE}",
        f"INSERT INTO {DATABASE}.{TABLE} (source, destination) VALUES ('x', 'y')",
        f"DROP TABLE {DATABASE}.{TABLE}",
        f"CREATE TABLE {DATABASE}.other (x INT)",
        "SELECT * FROM mysql.user",
    ],
)
def test_the_product_s_database_user_can_do_nothing_but_its_work(
    host: MailHost, statement: str
) -> None:
    """A mistake of ours, or a stolen password, could otherwise empty the organisation's alias table."""
    with (
        as_product(host) as connection,
        connection.cursor() as cursor,
        pytest.raises(pymysql.err.OperationalError),
    ):
        cursor.execute(statement)


def test_the_grants_of_the_guide_are_enough_to_turn_an_alias(host: MailHost) -> None:
    """With less the cutover would stop at its one irreversible step."""
    plan = AliasMapPlan(
        "mysql", host=LOOPBACK, port=host.database.port, database=DATABASE,
        table=f"{DATABASE}.{TABLE}", user=PRODUCT_USER,
    )  # fmt: skip
    aliases = MysqlAliasMap(plan, host.database.product_password)

    there = aliases.switch(RouteSwitch(ADDRESS, HOME, CLOUD))
    back = aliases.switch(RouteSwitch(ADDRESS, CLOUD, HOME))

    assert (there.destinations, back.destinations) == ((CLOUD,), (HOME,))


def test_a_lookup_uses_the_index(host: MailHost) -> None:
    """Without it each lookup reads the table, and each change locks it against all others."""
    with as_product(host) as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute(
            f"EXPLAIN SELECT destination FROM {DATABASE}.{TABLE} WHERE source = %s", (ADDRESS,)
        )
        row = cursor.fetchone()

    assert row is not None
    assert row["key"] == "by_source"


def submission_plan(host: MailHost, ca_file: str) -> SubmissionPlan:
    """The plan's section on Postfix's own door."""
    places = tuple(f"{LOOPBACK}:{postfix.port}" for postfix in host.postfixes)
    return SubmissionPlan(places, ca_file=ca_file)


def test_a_probe_through_postfix_arrives_and_is_encrypted(host: MailHost) -> None:
    """A redirect that waits for probes would wait for ever at a Postfix that takes none."""
    plan = submission_plan(host, str(host.dovecot.ca_file))

    SmtpSubmission(plan, SystemClock()).send(
        0, "probe@example.org", ADDRESS, "Bascule probe 1", "x"
    )

    wait_until(lambda: bool(probes(host)), "the probe")
    assert b"with ESMTPS" in probes(host)[0]


def test_a_postfix_with_an_unknown_authority_gets_no_probe(host: MailHost) -> None:
    """Whoever stands in between could make us believe in a redirect."""
    with pytest.raises(Unreachable):
        SmtpSubmission(submission_plan(host, ""), SystemClock()).send(
            0, "probe@example.org", ADDRESS, "Bascule probe 2", "x"
        )


def probes(host: MailHost) -> list[bytes]:
    """The probes among Anna's mail."""
    return [message.raw for _, message in inbox(host).walk() if is_probe(message.raw)]


def test_every_octet_arrives_as_it_was_sent(host: MailHost) -> None:
    """A changed octet breaks signatures, and the certificate would be about another message."""
    letters, postfix = Letters(), host.postfixes[0]
    sent = [letters.letter("client@example.net", ADDRESS) for _ in SHAPES]
    for raw in sent:
        send(postfix, raw)

    wait_until(lambda: {fingerprint(raw) for raw in sent} <= marks(host), "the letters")

    stored = {fingerprint(message.raw): message.raw for _, message in inbox(host).walk()}
    assert all(is_as_sent(stored[fingerprint(raw)], raw) for raw in sent)


def test_large_mail_passes_up_to_the_limit_and_is_refused_above_it(host: MailHost) -> None:
    """What colleagues in the cloud may send must not come back from those at home."""
    postfix = host.postfixes[0]
    mark = b"Message-ID: <large@example.net>\r\nSubject: large\r\n\r\n"
    send(postfix, mark + (b"x" * 98 + b"\r\n") * (SIZE_BY_DEFAULT // 100 + 1))

    def lives() -> tuple[str, ...]:
        return read_logs(host.postfixes).life_of("<large@example.net>")

    wait_until(lambda: any("at Dovecot: sent" in each for each in lives()), "the large message")
    with smtplib.SMTP(LOOPBACK, postfix.port) as smtp:
        smtp.ehlo()
        assert smtp.mail("client@example.net", [f"size={MESSAGE_BYTES_MAX}"])[0] == 250
        smtp.rset()
        assert smtp.mail("client@example.net", [f"size={MESSAGE_BYTES_MAX + 1}"])[0] == 552


def test_mail_in_the_queue_stays_with_the_alias_that_it_met_on_entry(host: MailHost) -> None:
    """This is why the last sync waits for a quiet source: were it otherwise, no sweep would be needed."""
    postfix, aliases = host.postfixes[0], MariaDbAliases(host.database)
    raw = Letters().letter("queue@example.net", ADDRESS)
    postfix.set(defer_transports="lmtp")
    send(postfix, raw)
    wait_until(lambda: len(postfix.queue()) == 1, "the letter in the queue")

    aliases.edit_by_hand(ADDRESS, [CLOUD])
    postfix.set(defer_transports="")
    postfix.flush()

    wait_until(lambda: fingerprint(raw) in marks(host), "the letter at home")
    aliases.edit_by_hand(ADDRESS, [HOME])


def test_a_database_that_is_away_defers_mail_and_refuses_none(host: MailHost) -> None:
    """A refusal would send people's mail back while the database restarts."""
    # The other tests use the first one: Postfix asks a database that was away again only after a minute.
    postfix = host.postfixes[1]
    host.database.stop()
    try:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            send(postfix, b"Subject: x\r\n\r\n.\r\n")
    finally:
        host.database.start()

    assert refused.value.recipients[ADDRESS][0] == 451


def test_a_wrong_password_is_told_from_a_server_that_is_away(host: MailHost) -> None:
    """Only one of the two is for the user to put right."""
    mail = ImapSourceMail(source_plan(host, "ssl"))

    with pytest.raises(BasculeError) as refused, mail.open(Login("anna", "another")):
        pass
    host.dovecot.stop()
    try:
        with pytest.raises(Unreachable), mail.open(Login(ANNA.name, ANNA.password)):
            pass
    finally:
        host.dovecot.start()

    assert not isinstance(refused.value, Unreachable)


def test_the_log_tells_the_life_of_a_message_by_its_id(host: MailHost) -> None:
    """A lost message is found by following it through both logs."""
    postfix = host.postfixes[0]
    send(postfix, b"Message-ID: <life@example.net>\r\nSubject: x\r\n\r\n.\r\n")

    def lives() -> tuple[str, ...]:
        return read_logs(host.postfixes).life_of("<life@example.net>")

    wait_until(lambda: bool(lives()), "its line in the log")
    assert f"{ADDRESS} > {HOME} at Dovecot: sent" in lives()[0]


def marks(host: MailHost) -> set[str]:
    """The fingerprints of everything Anna has."""
    return {fingerprint(message.raw) for _, message in inbox(host).walk()}
