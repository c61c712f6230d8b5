"""The weather of the simulated world: every delay and every misfortune, typed, with its unit.

Delays are drawn uniformly between their two ends. Probabilities are per call or per event. The figures are the ones
the vendor documents or administrators report; CALM has no misfortune and short delays, for tests of the plain path.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Span:
    """A delay in seconds, drawn between both ends, inclusive."""

    min_s: float
    max_s: float


class Arrival(StrEnum):
    """Which time of delivery a migrated message shows."""

    KEPT = "kept"
    A_SECOND_LATE = "a second late"
    TIME_OF_COPY = "time of copy"


@dataclass(frozen=True)
class Weather:
    """What may go wrong or slowly. All `_probability` fields are ratios from 0 to 1."""

    # Directory and Graph
    graph_replication: Span = Span(0, 0)
    graph_throttle_probability: float = 0.0
    graph_throttle_retry_after_s: int = 5
    graph_error_5xx_probability: float = 0.0
    graph_lost_reply_probability: float = 0.0
    mailbox_provisioning: Span = Span(60, 300)
    user_purpose_as_object: bool = False
    # Education tenants are not held to three character classes in passwords.
    education_passwords: bool = False

    # The source's own servers: IMAP and the alias map
    source_unreachable_probability: float = 0.0
    source_lost_reply_probability: float = 0.0

    # Exchange gateway
    exchange_replication: Span = Span(0, 0)
    exchange_throttle_probability: float = 0.0
    exchange_throttle_retry_after_s: int = 10
    exchange_transient_probability: float = 0.0
    exchange_lost_reply_probability: float = 0.0
    exchange_odd_error_probability: float = 0.0

    # Mail flow: each transport server of the tenant keeps its own copy of a group's members
    transport_server_count: int = 4
    group_cache_age: Span = Span(0, 0)
    rule_change: Span = Span(0, 0)
    smtp_hop: Span = Span(1, 5)
    postfix_deferral_probability: float = 0.0
    postfix_retry: Span = Span(300, 4000)

    # Migration service
    migration_start: Span = Span(30, 120)
    migration_items_per_s: float = 50.0
    delta_cycle_s: float = 24 * 3600
    delta_late: Span = Span(0, 0)
    sync_now_start: Span = Span(30, 300)
    counter_lag: Span = Span(0, 0)
    migration_message_max_bytes: int = 35 * 1024 * 1024
    migration_items_max: int = 500_000
    migration_bad_item_probability: float = 0.0
    # Where the vendor is silent, the service may behave either way.
    migration_arrival: Arrival = Arrival.KEPT
    source_deletions_propagate: bool = False
    duplicates_known_by_message_id: bool = False
    # What its owner moves or deletes in the cloud looks missing to the service, and is copied again.
    missed_copies_come_back: bool = False
    recreated_batch_forgets: bool = False
    batches_refused_for_held_mailboxes: bool = False
    sync_now_absorbed_by_running_delta: bool = False
    sync_now_counts_as_action: bool = True
    delta_ends_as_incremental_synced: bool = False


CALM = Weather()

# What an operator meets in an ordinary week.
ORDINARY = Weather(
    graph_replication=Span(0, 20),
    graph_throttle_probability=0.02,
    graph_error_5xx_probability=0.01,
    graph_lost_reply_probability=0.01,
    mailbox_provisioning=Span(60, 1800),
    source_unreachable_probability=0.01,
    source_lost_reply_probability=0.01,
    exchange_replication=Span(0, 30),
    exchange_throttle_probability=0.02,
    exchange_transient_probability=0.02,
    exchange_lost_reply_probability=0.01,
    exchange_odd_error_probability=0.3,
    group_cache_age=Span(60, 3600),
    rule_change=Span(60, 1800),
    postfix_deferral_probability=0.05,
    delta_late=Span(0, 7200),
    counter_lag=Span(0, 300),
)
