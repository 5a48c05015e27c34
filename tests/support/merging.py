"""Merges as an administrator makes them, for tests of what must follow."""

from uuid import UUID

from mentorcert.db.connection import Connection
from mentorcert.organisations import merges
from mentorcert.organisations.merges import Choices
from tests.support.registry import Organisation, fetch


def merge(organisation: Organisation, kept: UUID, absorbed: UUID) -> None:
    """Merge one peer mentor into another, as previewed."""
    with organisation.as_admin() as acting:
        merge_as(acting, kept, absorbed)


def merge_as(acting: Connection, kept: UUID, absorbed: UUID) -> None:
    """Merge, as previewed, in the transaction of an administrator."""
    choices = Choices(absorbed, "One person.")
    merges.merge(acting, kept, choices, merges.preview(acting, kept, choices).fingerprint)


def undo(organisation: Organisation, absorbed: UUID) -> None:
    """Undo the merge of a peer mentor, as previewed."""
    merge_id = fetch(
        organisation.conn,
        "select id from mentorcert_private.peer_mentor_merges where absorbed_id = %s and undone_at is null",
        absorbed,
    )
    with organisation.as_admin() as acting:
        merges.undo(acting, merge_id, merges.preview_undo(acting, merge_id).fingerprint)
