"""What a row says of itself."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bascule.domain.addresses import mailbox_key
from bascule.domain.records import (
    BATCH_FIELDS,
    OPERATOR_FIELDS,
    STEP_FIELDS,
    MailboxRecord,
    MailboxRef,
    batch_instance_id,
)
from bascule.domain.stages import CUT_OVER, LIFE, Stage

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANNA = MailboxRecord("pilot", mailbox_key("anna@example.org"), "anna@example.org", "anna")
# Microsoft Learn, "Manage instances in Durable Functions": at most 100 characters.
INSTANCE_ID_LENGTH_MAX = 100
BATCH_NAME_LENGTH_MAX = 40


@pytest.mark.parametrize("stage", LIFE)
def test_a_cutover_has_begun_from_the_detachment_on(stage: Stage) -> None:
    """Before it, leaving is free; after it, only the rollback leads back."""
    assert replace(ANNA, stage=stage).has_begun_cutover is (stage in CUT_OVER)


def test_a_cutover_has_begun_as_soon_as_the_group_may_be_left() -> None:
    """Out of the group and not yet proven: abandoning now would leave mail where nobody reads."""
    assert replace(ANNA, stage=Stage.SYNCED, detach_began_utc=NOON).has_begun_cutover


@pytest.mark.parametrize("stage", LIFE)
def test_a_mailbox_set_aside_remembers_what_was_proven(stage: Stage) -> None:
    """Set aside after the redirect, it is still redirected."""
    aside = replace(ANNA, stage=Stage.SET_ASIDE, resume_stage=stage)

    assert aside.proven_stage is stage
    assert aside.has_begun_cutover is (stage in CUT_OVER)


def test_only_the_closed_and_the_abandoned_are_final() -> None:
    """A batch that closes too early destroys passwords that are still needed."""
    assert replace(ANNA, stage=Stage.ABANDONED).is_final
    assert replace(ANNA, stage=Stage.MIGRATED, closed_utc=NOON).is_final
    assert not any(replace(ANNA, stage=stage).is_final for stage in LIFE)
    assert not replace(ANNA, stage=Stage.SET_ASIDE, resume_stage=Stage.MIGRATED).is_final


def test_nobody_shares_a_field_with_another_writer() -> None:
    """Two writers of one field overwrite each other."""
    names = set(MailboxRecord.__dataclass_fields__)

    written = (*OPERATOR_FIELDS, *BATCH_FIELDS, *STEP_FIELDS)
    assert len(written) == len(set(written))
    assert set(written) <= names


def test_the_longest_names_make_a_valid_instance_id() -> None:
    """The engine's stores refuse long ids, and some signs."""
    key = mailbox_key(f"{'x' * 64}@{'y' * 60}.example.org")
    longest = MailboxRef("b" * BATCH_NAME_LENGTH_MAX, key).instance_id

    assert len(longest) <= INSTANCE_ID_LENGTH_MAX
    assert not set(longest) & set("/\\#?@")


def test_a_batch_and_a_mailbox_never_share_an_instance_id() -> None:
    """Waking one would start the other."""
    assert batch_instance_id("pilot") != MailboxRef("batch-pilot", "").instance_id
    assert "." not in batch_instance_id("pilot")
