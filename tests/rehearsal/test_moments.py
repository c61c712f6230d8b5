"""What people do to mailboxes while they are migrated: each to a mailbox of its own, in one story."""

import functools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from imapclient import IMAPClient

from sandbox.rehearsal.judgement import Judgement
from sandbox.rehearsal.stage import USERS_READ_S, Stage
from sandbox.servers.machine import wait_until
from sandbox.world.mail import MailStore, fingerprint, header
from sandbox.world.migration_states import Progress
from tests.rehearsal.conftest import OpenStage
from tests.rehearsal.stories import QUICK_WEATHER, options, until_closed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FORWARDED, EDITED, NEW_PASSWORD, NEW_VALIDITY, RENAMED, TIDIED, CATCHER, BYSTANDER = range(8)
# What is done to these three meets their first copy in its middle.
EARLY_PASSWORD, EARLY_VALIDITY, EARLY_RENAMED = range(8, 11)
# The service signs in to look, and again for each ten messages; these take one and a half real seconds, because Dovecot
# looks for new passwords once a second. What is moved in the cloud is copied again, which the vendor neither promises
# nor excludes.
SECOND_TEN = 3
WEATHER = replace(QUICK_WEATHER, migration_items_per_s=0.02, missed_copies_come_back=True)
# Twelve real seconds from leaving the group to the first probe: whatever is done to mailboxes must be done by then.
CUTOVER = {"hold_s": 3600}
MESSAGES_EACH = 24
PRIVATE = "chez.moi@example.com"
UNKNOWN = "plus.personne@example.org"


@dataclass(frozen=True)
class Told:
    """How the story went; what is doubled by address."""

    stage: Stage
    judgement: Judgement
    caught: Mapping[int, Progress]
    """{who: how far their first copy was when it was disturbed}"""
    stages: Counter[str]
    """How many stood where when everything had been done to the mailboxes of the cutover."""
    for_nobody: bytes
    list_letters: tuple[bytes, ...]

    @property
    def migrated(self) -> set[str]:
        """Whose mail lives in the cloud at the end."""
        operator = self.stage.operator
        return {each for each in self.stage.addresses if operator.stage(each) == "MIGRATED"}

    def end_of(self, who: int) -> tuple[str, str]:
        """(stage, code)."""
        return self.stage.operator.end_of(self.stage.addresses[who])

    def doubled(self) -> set[str]:
        """Whose mailboxes hold something twice."""
        return {address for address, _ in self.judgement.verdict.doubled}


@pytest.fixture(scope="module")
def told(open_stage: OpenStage) -> Iterator[Told]:
    """Three minutes and a half."""
    played = options(
        11, list_count=3, weather=WEATHER, messages_each=MESSAGES_EACH, cutover=CUTOVER
    )
    with open_stage(played) as stage:
        with stage.post as post:
            post.rate_per_s = 4.0
            _send_and_wait(stage, TIDIED)
            caught = _disturb_first_copies(stage)
            stage.operator.upload(stage.people)
            stage.operator.wait_for(stage.addresses, "SYNCED", "SET_ASIDE")
            stage.share_lists()
            _move_in_the_cloud(stage)
            stage.operator.ask("cutover")
            _forward(stage)
            _edit_alias(stage)
            for_nobody = _catch_all(stage)
            _change_password(stage, NEW_PASSWORD)
            _renumber(stage, NEW_VALIDITY, "INBOX")
            _rename_folder(stage)
            _tidy_up(stage)
            stage.operator.look()
            stages = Counter(stage.operator.stage(each) for each in stage.addresses)
            stage.operator.wait_for(stage.addresses, "MIGRATED", "SET_ASIDE")
        letters = _write_to_lists(stage)
        stage.drain()
        until_closed(stage)
        yield Told(stage, stage.judge(), caught, stages, for_nobody, letters)


def test_no_message_is_lost_whatever_people_do(told: Told) -> None:
    """People go on living in their mailboxes; none of what they do may cost a message."""
    assert told.judgement.verdict.nowhere == ()
    assert told.judgement.verdict.loop_count == 0
    assert told.judgement.verdict.bounced_count == 0


def test_everything_was_done_before_the_first_alias_turned(told: Told) -> None:
    """What is done after a redirect is done to a mailbox that nobody uses any more."""
    assert set(told.stages) <= {"SYNCED", "SET_ASIDE"}


def test_a_private_forward_sets_the_mailbox_aside_with_its_code(told: Told) -> None:
    """Turning one of two destinations would leave a copy behind, or end somebody's forward."""
    assert told.end_of(FORWARDED) == ("SET_ASIDE", "alias_second_destination")


def test_an_alias_edited_in_the_cutover_sets_the_mailbox_aside_with_its_code(told: Told) -> None:
    """Somebody meant something by it; overwriting it would undo their work."""
    assert told.end_of(EDITED) == ("SET_ASIDE", "alias_changed")


def test_a_password_changed_in_mid_sync_sets_the_mailbox_aside_with_its_code(told: Told) -> None:
    """The operator must learn that it is the password, and the user that nothing is lost."""
    assert told.end_of(NEW_PASSWORD) == ("SET_ASIDE", "source_login_refused")


def test_a_password_changed_in_the_first_copy_sets_the_mailbox_aside_with_its_code(
    told: Told,
) -> None:
    """It is the service that is refused here, not we: the operator has to give both the new password."""
    assert told.end_of(EARLY_PASSWORD) == ("SET_ASIDE", "sync_login_refused")


@pytest.mark.parametrize("who", [EARLY_PASSWORD, EARLY_VALIDITY, EARLY_RENAMED])
def test_the_first_copies_were_met_in_their_middle(told: Told, who: int) -> None:
    """What happens between two syncs is another story; the tests above and below would prove less."""
    seen = told.caught[who]

    assert 0 < seen.synced_count < seen.in_source_count


@pytest.mark.parametrize(
    "who", [EARLY_VALIDITY, EARLY_RENAMED, NEW_VALIDITY, RENAMED, TIDIED, CATCHER, BYSTANDER]
)
def test_everybody_else_is_migrated(told: Told, who: int) -> None:
    """A tidy user, a renamed folder or a rebuilt index is no reason to stop."""
    assert told.end_of(who) == ("MIGRATED", "")


def test_only_what_was_moved_about_at_the_source_is_there_twice(told: Told) -> None:
    """The service copies by folder and UID: who moves mail between two syncs has it in both places, and nobody else."""
    movers = (EARLY_VALIDITY, EARLY_RENAMED, NEW_VALIDITY, RENAMED, TIDIED)

    assert told.doubled() <= {told.stage.addresses[who] for who in movers}
    assert told.stage.addresses[TIDIED] in told.doubled()


def test_whatever_is_there_twice_is_named_on_its_certificate(told: Told) -> None:
    """Nobody may be told that nothing was doubled and then find their mail twice."""
    for address, mark in told.judgement.verdict.doubled:
        in_cloud = told.stage.rig.world.tenant.mailboxes.at_address(address)
        assert in_cloud is not None
        ids = {
            header(m.raw, "Message-ID")
            for _, m in in_cloud.store.walk()
            if fingerprint(m.raw) == mark
        }
        assert ids & _doubled_by_certificate(told.stage, address), address


def test_a_letter_to_a_list_reaches_each_member_once_on_whichever_side(told: Told) -> None:
    """Some members live in the cloud and some at home: opened on both sides a list could write to somebody twice."""
    stage, world = told.stage, told.stage.rig.world
    for raw in told.list_letters:
        for address in stage.source.lists[header(raw, "To") or ""]:
            home, cloud = (
                world.source.at_address(address),
                world.tenant.mailboxes.at_address(address),
            )
            assert home is not None
            assert cloud is not None
            found = [_copies(store, raw) for store in (home.store, cloud.store)]
            assert max(found) == 1, address


def test_the_lists_had_members_on_both_sides(told: Told) -> None:
    """A list whose members are all on one side proves nothing about the other."""
    mixed = told.stage.post.mixed_letters

    assert all(mixed[address] >= 2 for address in told.stage.source.lists if address != UNKNOWN)


def test_mail_for_nobody_reaches_the_catch_all_and_only_once(told: Told) -> None:
    """A catch-all row must neither stop a cutover of others nor be turned with them."""
    world = told.stage.rig.world

    catcher = told.stage.addresses[CATCHER]
    assert world.aliases.rows_of(f"@{world.naming.domain}") == [catcher]
    home, cloud = world.source.at_address(catcher), world.tenant.mailboxes.at_address(catcher)
    assert home is not None
    assert cloud is not None
    assert [_copies(each.store, told.for_nobody) for each in (home, cloud)] == [1, 1]


def _doubled_by_certificate(stage: Stage, address: str) -> set[str]:
    certificate = json.loads(stage.rig.report(stage.operator.mailboxes[address]["certificate"]))
    return {each["message_id"] for each in certificate["doubled"]}


def _copies(store: MailStore, raw: bytes) -> int:
    return Counter(fingerprint(message.raw) for _, message in store.walk())[fingerprint(raw)]


def _disturb_first_copies(stage: Stage) -> Mapping[int, Progress]:
    """Each act just before the second ten messages of its mailbox are copied; filled in as that happens."""
    acts: dict[int, Callable[[Stage, int], None]] = {
        EARLY_PASSWORD: _change_password_at_once,
        EARLY_VALIDITY: _renumber_what_is_copied_last,
        EARLY_RENAMED: _rename_what_is_copied_last,
    }
    caught: dict[int, Progress] = {}

    def disturb(who: int) -> None:
        caught[who] = _first_copy(stage, who)
        acts[who](stage, who)

    for who in acts:
        user_name = stage.people[who].user_name
        stage.source.mail.before_login(user_name, SECOND_TEN, functools.partial(disturb, who))
    return caught


def _first_copy(stage: Stage, who: int) -> Progress:
    books = stage.rig.world.tenant.migration.engine.books
    with stage.rig.world.kernel.look():
        user = books.holder_of(stage.addresses[who])
        return books.progress[user.guid].latest() if user else Progress()


def _copied_last(stage: Stage, who: int, *, but: str = "") -> str:
    """The folder of the oldest message: the service copies the newest first."""
    store = stage.source.mail.read(stage.people[who].user_name)
    found = ((m.internal_utc, folder.name) for folder, m in store.walk() if folder.name != but)
    return min(found)[1]


def _renumber_what_is_copied_last(stage: Stage, who: int) -> None:
    _renumber(stage, who, _copied_last(stage, who))


def _rename_what_is_copied_last(stage: Stage, who: int) -> None:
    name = _copied_last(stage, who, but="INBOX")
    with stage.source.mail.as_owner(stage.people[who].user_name) as client:
        client.rename_folder(name, f"{name}, archives")


def _move_in_the_cloud(stage: Stage) -> None:
    """As its owner does in Outlook while the sync goes on, with what came by post before the first copy."""
    cloud = stage.rig.world.tenant.mailboxes.at_address(stage.addresses[TIDIED])
    assert cloud is not None
    with stage.rig.world.kernel.look():
        inbox = cloud.store.folder("Inbox")
        moved = inbox.messages.pop(min(inbox.messages))
        cloud.store.folder("Rangé").add(moved.raw, moved.flags, moved.internal_utc)


def _write_to_lists(stage: Stage) -> tuple[bytes, ...]:
    """When some have moved and some have not: to each list from outside and from inside the tenant."""
    lists = sorted(set(stage.source.lists) - {UNKNOWN})
    colleagues = ("", stage.addresses[BYSTANDER])
    letters = [stage.post.to_list(each, colleague) for each in lists for colleague in colleagues]
    return tuple(letters)


def _forward(stage: Stage) -> None:
    address, aliases = stage.addresses[FORWARDED], stage.rig.world.aliases
    aliases.edit_by_hand(address, [*aliases.rows_of(address), PRIVATE])


def _edit_alias(stage: Stage) -> None:
    address, aliases = stage.addresses[EDITED], stage.rig.world.aliases
    detour = f"detour.{address}"
    aliases.edit_by_hand(detour, aliases.rows_of(address))
    aliases.edit_by_hand(address, [detour])


def _catch_all(stage: Stage) -> bytes:
    address = stage.addresses[CATCHER]
    stage.rig.world.aliases.edit_by_hand(f"@{stage.rig.world.naming.domain}", [address])
    stage.source.lists[UNKNOWN] = (address,)
    return stage.post.from_outside(UNKNOWN)


def _change_password(stage: Stage, who: int) -> None:
    stage.source.host.dovecot.set_password(stage.people[who].user_name, "quite another")


def _change_password_at_once(stage: Stage, who: int) -> None:
    """It holds when this returns: a first copy may end before Dovecot looks."""
    _change_password(stage, who)
    threading.Event().wait(USERS_READ_S)


def _renumber(stage: Stage, who: int, folder: str) -> None:
    """As a restored index does."""
    command = ("mailbox", "update", "-u", stage.people[who].user_name, "--uid-validity", "77")
    stage.source.host.dovecot.administer(*command, folder)


def _rename_folder(stage: Stage) -> None:
    with stage.source.mail.as_owner(stage.people[RENAMED].user_name) as client:
        client.rename_folder("R&D", "R&D, archives")


def _tidy_up(stage: Stage) -> None:
    """One message of INBOX goes to a folder, and another that has been synced is deleted."""
    _send_and_wait(stage, TIDIED, count=2)
    user = stage.people[TIDIED].user_name
    with stage.source.mail.as_owner(user) as client:
        client.select_folder("INBOX")
        client.move([max(client.search())], "Projets")
        _delete_an_old_one(client)


def _send_and_wait(stage: Stage, who: int, count: int = 1) -> None:
    """Letters from outside, until they lie in the INBOX at home."""
    sent = {fingerprint(stage.post.from_outside(stage.addresses[who])) for _ in range(count)}

    def have_arrived() -> bool:
        store = stage.source.mail.read(stage.people[who].user_name)
        return sent <= {fingerprint(m.raw) for _, m in store.walk()}

    wait_until(have_arrived, f"{count} letters to {stage.addresses[who]}")


def _delete_an_old_one(client: IMAPClient) -> None:
    """Traffic arrives in INBOX only: in any other folder everything has long been synced."""
    for _, _, name in client.list_folders():
        if name not in ("INBOX", "Projets") and client.select_folder(name)[b"EXISTS"]:
            client.delete_messages(min(client.search()))
            client.expunge()
            return
    raise LookupError("no message to delete outside INBOX")
