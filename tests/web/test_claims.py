"""What a token says holds on the pages and in the API as it does in the Data API."""

from typing import Any

import jwt
import pytest

from mentorcert.db.connection import Connection, acting_as
from tests.support.registry import Organisation
from tests.web.conftest import AUTH, Site

POLICY = """
create policy "Administrators with a second factor alone read mentors" on mentorcert.peer_mentors
as restrictive for select to authenticated
using ((select auth.jwt() ->> 'aal') = 'aal2')
"""


def token(organisation: Organisation, **claims: Any) -> str:
    assert AUTH.shared_secret is not None
    said = {
        "sub": str(organisation.admin),
        "role": "authenticated",
        "aud": AUTH.audience,
        "iss": AUTH.issuer,
        "exp": 4_000_000_000,
        **claims,
    }
    return jwt.encode(said, AUTH.shared_secret.get_secret_value(), "HS256")


@pytest.mark.parametrize(("aal", "is_read"), [("aal1", False), ("aal2", True)])
def test_a_second_factor(
    site: Site, conn: Connection, organisation: Organisation, aal: str, is_read: bool
) -> None:
    mentor = organisation.mentor()
    conn.execute(POLICY)
    said = token(organisation, aal=aal)

    # The Data API gives all claims to the policies.
    claims = jwt.decode(said, options={"verify_signature": False})
    with acting_as(conn, claims):
        found = conn.execute("select from mentorcert.peer_mentors where id = %s", (mentor,)).fetchall()
    assert bool(found) is is_read

    pages, api = site.client(), site.client()
    pages.cookies.set("mentorcert-access", said)
    status = 200 if is_read else 404
    assert pages.get(f"/mentors/{mentor}").status_code == status
    bearer = {"authorization": f"Bearer {said}"}
    assert api.get(f"/api/v1/peer-mentors/{mentor}", headers=bearer).status_code == status
    assert ("Person 1" in pages.get("/mentors").text) is is_read


def test_a_chosen_organisation_is_added_to_the_other_claims(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    conn.execute(POLICY)
    conn.execute(
        """
        create policy "The provider is read from the same place" on mentorcert.peer_mentors
        as restrictive for select to authenticated
        using ((select auth.jwt() -> 'app_metadata' ->> 'provider') = 'email')
        """
    )
    client = site.client()
    client.cookies.set(
        "mentorcert-access", token(organisation, aal="aal2", app_metadata={"provider": "email"})
    )
    client.cookies.set("mentorcert-organisation", str(organisation.id))
    assert client.get(f"/mentors/{mentor}").status_code == 200
