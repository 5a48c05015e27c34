"""The portal steps of `mentorcert up --examples`: a worker sends to a staging portal, and the lists match."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from rich.markup import escape

from mentorcert.certifications import repository
from mentorcert.cli.output import console
from mentorcert.db.connection import Connection
from mentorcert.development.staging_portal import (
    Demonstration,
    demonstration,
    first_listed,
    is_possible,
    mode_and_reason,
    unconfirmed,
)
from mentorcert.errors import MentorcertError
from mentorcert.portal.sync import control, replay
from mentorcert.settings import settings

Step = Callable[[str], AbstractContextManager[list[str]]]

ORGANISATION: Final = "hom"

# Marks the demonstration's own connection; one that a user has changed is left alone.
_OWN_REASON: Final = "mentorcert up: "


def show_portal(conn: Connection, step: Step) -> Demonstration | None:
    """Run a staging portal and go from capture to live and back; return how it was set up.

    Returns None where a user has changed the connection, or no staging portal is installed. Raises
    MentorcertError where the lists differ.
    """
    if not is_possible():
        with step("portal") as happened:
            happened.append("no staging portal (mentorcert-staging) is installed; left out")
        return None
    before = mode_and_reason(conn, ORGANISATION)
    if before is not None and not before[1].startswith(_OWN_REASON):
        with step("portal") as happened:
            happened.append(f"{ORGANISATION} has a connection of its own, in {before[0]}; left unchanged")
        return None
    id_ = control.organisation_id(conn, ORGANISATION)
    with demonstration(ORGANISATION, id_, settings().home / "portal") as portal:
        with step("portal: capture") as happened:
            control.connect(conn, ORGANISATION, "webhook", "v1", f"{_OWN_REASON}the staging portal")
            if portal.is_new and before is not None:
                for _ in replay.replay(conn, id_, replay.Selection(), reason=f"{_OWN_REASON}a new portal"):
                    pass
            control.set_mode(conn, ORGANISATION, "capture", f"{_OWN_REASON}nothing is sent yet")
            held = unconfirmed(conn, ORGANISATION)
            happened.append(f"a staging portal runs; {held} peer mentors are held, nothing is sent")
        try:
            _go_live(conn, portal, step, suspend=before is None)
        finally:
            control.set_mode(
                conn, ORGANISATION, "capture", f"{_OWN_REASON}the staging portal ended with the command"
            )
    return portal


def what_next(portal: Demonstration, command: str) -> None:
    """Print how to keep the portal running."""
    console.print(
        f"The staging portal has ended, so {ORGANISATION} is in capture again; nothing is sent or lost.\n"
        "To keep it running, each in a terminal of its own:\n"
        f"  {command}-staging --port {portal.port} --database {escape(str(portal.database))}\n"
        f"  {command} portal worker --connection {escape(str(portal.file))}\n"
        "and then:\n"
        f"  {command} portal mode {ORGANISATION} live --reason 'Trying it out'\n"
        f"  {command} portal status   what the portal has confirmed; its public list is at {portal.url}",
        soft_wrap=True,
    )


def _go_live(conn: Connection, portal: Demonstration, step: Step, *, suspend: bool) -> None:
    with step("portal: live") as happened:
        control.set_mode(conn, ORGANISATION, "live", f"{_OWN_REASON}show that its list becomes ours")
        sent = portal.send_all()
        listed = portal.matching_list(conn)
        happened.append(f"{sent} messages; its public list = ours: the same {len(listed)} peer mentors")
    # Only the first time: each run would add two entries to the certification's history.
    if not suspend or (chosen := first_listed(conn, ORGANISATION)) is None:
        return
    number, certification_id = chosen
    with step("portal: suspend one") as happened:
        mentor = repository.suspend(conn, certification_id, f"{_OWN_REASON}demonstration")
        try:
            portal.send_all()
            if portal.portal_list().keys() != listed.keys() - {mentor.peer_mentor_id}:
                raise MentorcertError(f"The portal's list did not lose exactly peer mentor {number}.")
            portal.matching_list(conn)
            happened.append(f"peer mentor {number} is off its list, the other {len(listed) - 1} are on it")
        finally:
            repository.reinstate(conn, certification_id, f"{_OWN_REASON}demonstration")
    with step("portal: reinstate") as happened:
        portal.send_all()
        if portal.matching_list(conn) != listed:
            raise MentorcertError(f"Peer mentor {number} did not come back to the public list.")
        happened.append(f"peer mentor {number} is back; its public list = ours: {len(listed)}")
