"""Why a mailbox is set aside. Each code has a page under docs/how-to/codes/ in English and French."""

from enum import StrEnum


class Code(StrEnum):
    """A reason that a person has to act on; stable, because operators script on it."""

    # The source
    SOURCE_LOGIN_REFUSED = "source_login_refused"
    SOURCE_UNREACHABLE = "source_unreachable"
    SOURCE_FOLDER_UNREADABLE = "source_folder_unreadable"

    # The alias map
    ALIAS_MISSING = "alias_missing"
    ALIAS_UNEXPECTED = "alias_unexpected"
    ALIAS_SECOND_DESTINATION = "alias_second_destination"
    ALIAS_CHANGED = "alias_changed"
    ALIAS_MAP_REFUSED = "alias_map_refused"

    # The directory
    ACCOUNT_MISSING = "account_missing"
    ACCOUNT_CONFLICT = "account_conflict"
    ACCOUNT_INVALID = "account_invalid"
    ACCOUNT_DELETED = "account_deleted"
    ADDRESS_TAKEN = "address_taken"
    DOMAIN_FEDERATED = "domain_federated"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105  a reason, not a secret
    ADDRESS_MISMATCH = "address_mismatch"
    NO_SEAT = "no_seat"
    LICENCE_UNKNOWN = "licence_unknown"
    LICENCE_REFUSED = "licence_refused"
    LICENCE_WITHOUT_MAILBOX = "licence_without_mailbox"
    LICENCE_INHERITED = "licence_inherited"
    PLAN_CONFLICT = "plan_conflict"
    PLAN_DEPENDENCY = "plan_dependency"
    USAGE_LOCATION_INVALID = "usage_location_invalid"
    PERMISSION_MISSING = "permission_missing"
    MAILBOX_NOT_OPEN = "mailbox_not_open"
    MAILBOX_AT_SOURCE = "mailbox_at_source"

    # Coexistence and sync
    GROUP_MISSING = "group_missing"
    GROUP_NOT_JOINED = "group_not_joined"
    ENDPOINT_MISSING = "endpoint_missing"
    SYNC_LOGIN_REFUSED = "sync_login_refused"
    SYNC_RECIPIENT_MISSING = "sync_recipient_missing"
    SYNC_MAILBOX_FULL = "sync_mailbox_full"
    SYNC_FAILED = "sync_failed"
    SYNC_STOPPED = "sync_stopped"
    SYNC_LATE = "sync_late"
    SYNC_IN_OTHER_BATCH = "sync_in_other_batch"

    # Cutover and proof
    DETACH_NOT_PROVEN = "detach_not_proven"
    REDIRECT_NOT_PROVEN = "redirect_not_proven"
    SOURCE_NOT_QUIET = "source_not_quiet"
    INCOMPLETE = "incomplete"
    ROLLBACK_NOT_PROVEN = "rollback_not_proven"
    MESSAGE_NOT_BROUGHT_HOME = "message_not_brought_home"

    # The product itself
    REQUEST_REJECTED = "request_rejected"
    SERVICE_UNREACHABLE = "service_unreachable"
    STEP_BROKEN = "step_broken"
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105  a reason, not a secret
    INVARIANT_BROKEN = "invariant_broken"

    # The tenant as a whole
    MAILBOXES_UNPROVEN = "mailboxes_unproven"


class Offence(StrEnum):
    """What a survey can find in a mailbox that will not arrive as it is; an operator may waive it."""

    MESSAGE_TOO_LARGE = "message_too_large"
    TOO_MANY_MESSAGES = "too_many_messages"
    FOLDER_NAME_HAS_SLASH = "folder_name_has_slash"
    TWO_FOLDERS_FOR_ONE_ROLE = "two_folders_for_one_role"
    ALIAS_BYPASSED = "alias_bypassed"
