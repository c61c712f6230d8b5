"""What people do to mailboxes while they are migrated: each to a mailbox of its own, in one story."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from imapclient import IMAPClient

from sandbox.rehearsal.judgement import Judgement
from sandbox.rehearsal.stage import Stage
from sandbox.servers.machine import wait_until
from sandbox.world.mail import fingerprint
from tests.rehearsal.conftest import OpenStage
from tests.rehearsal.stories import options, until_synced

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FORWARDED, EDITED, NEW_PASSWORD, NEW_VALIDITY, RENAMED, TIDIED, CATCHER, BYSTANDER = range(8)
PRIVATE = "chez.moi@example.com"
UNKNOWN = "plus.personne@example.org"


@dataclass(frozen=True)
class Told:
    """How the story went; what is doubled by address."""

    stage: Stage
    judgement: Judgement

    def end_of(self, who: int) -> tuple[str, str]:
        """(stage, code)."""
        return self.stage.operator.end_of(self.stage.addresses[who])

    def doubled(self) -> set[str]:
        """Whose mailboxes hold something twice."""
        return {address for address, _ in self.judgement.verdict.doubled}


@pytest.fixture(scope="module")
def told(open_stage: OpenStage) -> Iterator[Told]:
    """Two minutes."""
    with open_stage(options(8, list_count=0)) as stage:
        with stage.post as post:
            post.rate_per_s = 4.0
            until_synced(stage)
            stage.operator.ask("cutover")
            _forward(stage)
            _edit_alias(stage)
            _catch_all(stage)
            _change_password(stage)
            _change_validity(stage)
            _rename_folder(stage)
            _tidy_up(stage)
            stage.operator.wait_for(stage.addresses, "MIGRATED", "SET_ASIDE")
        yield Told(stage, stage.judge())


def test_no_message_is_lost_whatever_people_do(told: Told) -> None:
    """People go on living in their mailboxes; none of what they do may cost a message."""
    assert told.judgement.verdict.nowhere == ()
    assert told.judgement.verdict.loop_count == 0
    assert told.judgement.verdict.bounced_count == 0


def test_a_private_forward_sets_the_mailbox_aside_with_its_code(told: Told) -> None:
    """Turning one of two destinations would leave a copy behind, or end somebody's forward."""
    assert told.end_of(FORWARDED) == ("SET_ASIDE", "alias_second_destination")


def test_an_alias_edited_in_the_cutover_sets_the_mailbox_aside_with_its_code(told: Told) -> None:
    """Somebody meant something by it; overwriting it would undo their work."""
    assert told.end_of(EDITED) == ("SET_ASIDE", "alias_changed")


def test_a_password_changed_in_mid_sync_sets_the_mailbox_aside_with_its_code(told: Told) -> None:
    """The operator must learn that it is the password, and the user that nothing is lost."""
    assert told.end_of(NEW_PASSWORD) == ("SET_ASIDE", "source_login_refused")


@pytest.mark.parametrize("who", [NEW_VALIDITY, RENAMED, TIDIED, CATCHER, BYSTANDER])
def test_everybody_else_is_migrated(told: Told, who: int) -> None:
    """A tidy user, a renamed folder or a rebuilt index is no reason to stop."""
    assert told.end_of(who) == ("MIGRATED", "")


def test_only_what_was_moved_about_at_the_source_is_there_twice(told: Told) -> None:
    """The service copies by folder and UID: who moves mail between two syncs has it in both places, and nobody else."""
    moved = {told.stage.addresses[who] for who in (NEW_VALIDITY, RENAMED, TIDIED)}

    assert told.doubled() <= moved


def test_mail_for_nobody_reaches_the_catch_all_and_only_once(told: Told) -> None:
    """A catch-all row must neither stop a cutover of others nor be turned with them."""
    world = told.stage.rig.world

    assert world.aliases.rows_of(f"@{world.naming.domain}") == [told.stage.addresses[CATCHER]]


def _forward(stage: Stage) -> None:
    address, aliases = stage.addresses[FORWARDED], stage.rig.world.aliases
    aliases.edit_by_hand(address, [*aliases.rows_of(address), PRIVATE])


def _edit_alias(stage: Stage) -> None:
    address, aliases = stage.addresses[EDITED], stage.rig.world.aliases
    detour = f"detour.{address}"
    aliases.edit_by_hand(detour, aliases.rows_of(address))
    aliases.edit_by_hand(address, [detour])


def _catch_all(stage: Stage) -> None:
    address = stage.addresses[CATCHER]
    stage.rig.world.aliases.edit_by_hand(f"@{stage.rig.world.naming.domain}", [address])
    stage.source.lists[UNKNOWN] = (address,)
    stage.post.from_outside(UNKNOWN)


def _change_password(stage: Stage) -> None:
    stage.source.host.dovecot.set_password(stage.people[NEW_PASSWORD].user_name, "quite another")


def _change_validity(stage: Stage) -> None:
    user = stage.people[NEW_VALIDITY].user_name
    stage.source.host.dovecot.administer(
        "mailbox", "update", "-u", user, "--uid-validity", "77", "INBOX"
    )


def _rename_folder(stage: Stage) -> None:
    with stage.source.mail.as_owner(stage.people[RENAMED].user_name) as client:
        client.rename_folder("R&D", "R&D, archives")


def _tidy_up(stage: Stage) -> None:
    """One message of INBOX goes to a folder, and another that has been synced is deleted."""
    address, user = stage.addresses[TIDIED], stage.people[TIDIED].user_name
    first, second = (stage.post.from_outside(address) for _ in range(2))

    def have_arrived() -> bool:
        marks = {fingerprint(m.raw) for _, m in stage.source.mail.read(user).walk()}
        return {fingerprint(first), fingerprint(second)} <= marks

    wait_until(have_arrived, "the letters to tidy up")
    with stage.source.mail.as_owner(user) as client:
        client.select_folder("INBOX")
        client.move([max(client.search())], "Projets")
        _delete_an_old_one(client)


def _delete_an_old_one(client: IMAPClient) -> None:
    """Traffic arrives in INBOX only: in any other folder everything has long been synced."""
    for _, _, name in client.list_folders():
        if name not in ("INBOX", "Projets") and client.select_folder(name)[b"EXISTS"]:
            client.delete_messages(min(client.search()))
            client.expunge()
            return
    raise LookupError("no message to delete outside INBOX")
