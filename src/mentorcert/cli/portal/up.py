"""What `mentorcert up --examples` shows of the portal: it is told by a worker, and its list becomes ours."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from rich.markup import escape

from mentorcert.certifications import repository
from mentorcert.cli.output import console, progress_bars
from mentorcert.db.connection import Connection
from mentorcert.errors import MentorcertError
from mentorcert.portal.demonstration import (
    Demonstration,
    demonstration,
    mode_and_reason,
    somebody_listed,
    unconfirmed,
)
from mentorcert.portal.sync import control, replay
from mentorcert.settings import settings

Step = Callable[[str], AbstractContextManager[list[str]]]

ORGANISATION: Final = "hom"

# By it the demonstration knows its own connection; a connection that somebody else has touched is left alone.
_OWN_REASON: Final = "mentorcert up: "


def show_portal(conn: Connection, step: Step) -> Demonstration | None:
    """Play the staging portal and go from capture to live and back; return how it was set up.

    Returns None where somebody has taken the connection over. Raises MentorcertError where the lists differ.
    """
    before = mode_and_reason(conn, ORGANISATION)
    if before is not None and not before[1].startswith(_OWN_REASON):
        with step("portal") as happened:
            happened.append(f"{ORGANISATION} has a connection of its own, in {before[0]}; kept as it is")
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
    """Say how the portal is kept running."""
    console.print(
        f"The staging portal has ended, so {ORGANISATION} is in capture again; nothing is sent or lost.\n"
        "To keep it running, each in a terminal of its own:\n"
        f"  {command} portal stage --port {portal.port} --database {escape(str(portal.database))}\n"
        f"  {command} portal worker --connection {escape(str(portal.file))}\n"
        "and then:\n"
        f"  {command} portal mode {ORGANISATION} live --reason 'Trying it out'\n"
        f"  {command} portal status   what the portal has confirmed; its public list is at {portal.url}",
        soft_wrap=True,
    )


def _go_live(conn: Connection, portal: Demonstration, step: Step, *, suspend: bool) -> None:
    with step("portal: live") as happened:
        control.set_mode(conn, ORGANISATION, "live", f"{_OWN_REASON}show that its list becomes ours")
        told = _tell(conn, portal, "tell the portal")
        listed = portal.same_list(conn)
        happened.append(f"{told} messages; its public list = ours: the same {len(listed)} peer mentors")
    # Only once: each time would add two entries to the history of a certification.
    if not suspend or (chosen := somebody_listed(conn, ORGANISATION)) is None:
        return
    number, certification_id = chosen
    with step("portal: suspend one") as happened:
        mentor = repository.suspend(conn, certification_id, f"{_OWN_REASON}to see it at the portal")
        try:
            _tell(conn, portal, "tell of the suspension")
            if portal.its_list().keys() != listed.keys() - {mentor.peer_mentor_id}:
                raise MentorcertError(f"The portal's list did not lose exactly peer mentor {number}.")
            portal.same_list(conn)
            happened.append(f"peer mentor {number} is off its list, the other {len(listed) - 1} are on it")
        finally:
            repository.reinstate(conn, certification_id, f"{_OWN_REASON}it was seen")
    with step("portal: reinstate") as happened:
        _tell(conn, portal, "tell of the reinstatement")
        if portal.same_list(conn) != listed:
            raise MentorcertError(f"Peer mentor {number} did not come back to the public list.")
        happened.append(f"peer mentor {number} is back; its public list = ours: {len(listed)}")


def _tell(conn: Connection, portal: Demonstration, what: str) -> int:
    """Return how many messages it took."""
    due = unconfirmed(conn, ORGANISATION)
    arrived = 0
    with progress_bars() as progress:
        progress(what, 0, due)

        def one_more(number: int) -> None:
            nonlocal arrived
            arrived = number
            progress(what, number, max(number, due))

        portal.tell(one_more)
    return arrived
