"""Names the database role that a command needs, where it failed for want of a right."""

from mentorcert.access import least_rights
from mentorcert.db.connection import connect
from mentorcert.errors import MentorcertError, MissingRightError, WrongRoleError


def named(error: MissingRightError) -> MentorcertError:
    """Return a WrongRoleError where the connection is not the owner's, to whom nothing is hidden; else the error."""
    try:
        with connect(autocommit=True) as conn:
            least_rights.require_owner(conn)
    except WrongRoleError as wrong:
        return wrong
    except MentorcertError:
        pass
    return error
