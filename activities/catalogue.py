"""Every step with its function; the name of a step is the name of its function."""

from collections.abc import Callable
from typing import Any, get_type_hints

from activities.apply_difference import apply_difference
from activities.apply_directory import apply_directory
from activities.bring_home import bring_home
from activities.build_sync_batches import build_sync_batches
from activities.certify import certify
from activities.check_domains import check_domains
from activities.check_route import check_route
from activities.close_batch import close_batch
from activities.close_licence_run import close_licence_run
from activities.compare_directory import compare_directory
from activities.destroy_keys import destroy_keys
from activities.destroy_secret import destroy_secret
from activities.ensure_account import ensure_account
from activities.ensure_licence import ensure_licence
from activities.file_completion import file_completion
from activities.file_difference import file_difference
from activities.find_bypasses import find_bypasses
from activities.find_cloud_mailbox import find_cloud_mailbox
from activities.find_licence_changes import find_licence_changes
from activities.find_membership import find_membership
from activities.grant_wish import grant_wish
from activities.join_coexistence import join_coexistence
from activities.leave_coexistence import leave_coexistence
from activities.leave_sync import leave_sync
from activities.license_accounts import license_accounts
from activities.list_accounts import list_accounts
from activities.list_keys import list_keys
from activities.list_parts import list_parts
from activities.look_for_probe import look_for_probe
from activities.prepare_part import prepare_part
from activities.read_completion import read_completion
from activities.read_directory import read_directory
from activities.read_mailbox import read_mailbox
from activities.read_marks import read_marks
from activities.read_progress import read_progress
from activities.record_preparation import record_preparation
from activities.record_progress import record_progress
from activities.refuse_upload import refuse_upload
from activities.register_batch import register_batch
from activities.registration import Activity, as_activity
from activities.remove_endpoint import remove_endpoint
from activities.remove_routing import remove_routing
from activities.remove_strays import remove_strays
from activities.report_hold_up import report_hold_up
from activities.report_late_sync import report_late_sync
from activities.request_delta import request_delta
from activities.reserve_seats import reserve_seats
from activities.reset_passwords import reset_passwords
from activities.restart_sync import restart_sync
from activities.restore_members import restore_members
from activities.see_membership import see_membership
from activities.see_sync import see_sync
from activities.see_tenant import see_tenant
from activities.send_probe import send_probe
from activities.serve_deltas import serve_deltas
from activities.survey_source import survey_source
from activities.switch_route import switch_route
from activities.tell_of_reset import tell_of_reset
from activities.tell_user import tell_user
from activities.turn_authoritative import turn_authoritative
from activities.validate_upload import validate_upload
from activities.watch_dns import watch_dns
from activities.withdraw_upload import withdraw_upload
from bascule.ports.bundle import Ports

WORK: tuple[Callable[[Ports, Any], object], ...] = (
    apply_difference,
    apply_directory,
    bring_home,
    build_sync_batches,
    certify,
    check_domains,
    license_accounts,
    find_licence_changes,
    close_licence_run,
    check_route,
    close_batch,
    compare_directory,
    destroy_keys,
    destroy_secret,
    ensure_account,
    ensure_licence,
    file_completion,
    file_difference,
    find_bypasses,
    find_cloud_mailbox,
    find_membership,
    grant_wish,
    join_coexistence,
    leave_coexistence,
    leave_sync,
    list_accounts,
    list_keys,
    list_parts,
    look_for_probe,
    prepare_part,
    read_completion,
    read_directory,
    read_mailbox,
    read_marks,
    read_progress,
    record_preparation,
    record_progress,
    refuse_upload,
    register_batch,
    remove_endpoint,
    remove_routing,
    remove_strays,
    report_hold_up,
    report_late_sync,
    request_delta,
    reserve_seats,
    reset_passwords,
    restart_sync,
    restore_members,
    see_membership,
    see_sync,
    see_tenant,
    send_probe,
    serve_deltas,
    survey_source,
    switch_route,
    tell_of_reset,
    tell_user,
    turn_authoritative,
    validate_upload,
    watch_dns,
    withdraw_upload,
)


def takes(work: Callable[[Ports, Any], object]) -> type:
    """The type of a step's request: its function's second parameter."""
    hints: dict[str, type] = get_type_hints(work)
    return next(hint for name, hint in hints.items() if name not in {"ports", "return"})


def activities(ports: Callable[[], Ports]) -> tuple[Activity, ...]:
    """All steps as activities, their ports asked for when the first one runs."""
    return tuple(as_activity(work.__name__, work, takes(work), ports) for work in WORK)
