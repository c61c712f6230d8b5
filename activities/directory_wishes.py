"""What people ask of the directory, written down for its story."""

from dataclasses import replace

from activities.directory_store import head_of, keep_wanted
from bascule.domain.directory_objects.records import (
    HEAD,
    REFUSALS,
    DirectoryHead,
    asked,
)
from bascule.domain.directory_objects.values import WantedDirectory
from bascule.ports.bundle import Ports


def keep_upload(ports: Ports, wanted: WantedDirectory, uploaded_by: str) -> str:
    """Put checked files in force; their fingerprint. Nothing is applied, the same files twice are one upload.

    An application that is under way goes on with the new files, and its word for removals is void: it was given for
    the files before.
    """
    fingerprint, now_utc = keep_wanted(ports, wanted), ports.clock.now_utc()

    def change(stored: DirectoryHead | None) -> DirectoryHead:
        if stored is None:
            return DirectoryHead(fingerprint, now_utc, uploaded_by)
        if stored.fingerprint == fingerprint:
            return stored
        return replace(
            stored,
            fingerprint=fingerprint,
            uploaded_utc=now_utc,
            uploaded_by=uploaded_by,
            removals_agreed="",
            plan_id="",
            position=0,
            change_count=0,
        )

    ports.documents.amend(HEAD, DirectoryHead, change)
    return fingerprint


def ask_for_application(ports: Ports, asked_by: str, removals_agreed: str = "") -> None:
    """Ask that the files in force be applied; with just the removals of that digest. Raises InvariantBroken without files."""
    head, now_utc = head_of(ports), ports.clock.now_utc()
    ports.documents.remove(REFUSALS)
    ports.documents.amend(
        HEAD,
        DirectoryHead,
        lambda stored: asked(stored or head, now_utc, asked_by, removals_agreed),
    )
