"""The administrator's browser, and those who must not get in."""

from dataclasses import dataclass
from html import unescape
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, join
from tests.web.conftest import Site, post

HOSTILE = "<script>alert('x')</script>"


def _main_of(answer: Response) -> str:
    return " ".join(unescape(answer.text).partition("<main")[2].partition("</main>")[0].split())


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser on the administrator's pages."""

    client: TestClient

    def get(self, path: str, status: int = 200) -> str:
        """Return a page's text, with its entities written out; what was hostile in it must not be a tag."""
        return self._text(self.client.get(path), status)

    def post(self, path: str, status: int = 303, *, page: str = "/admin/types/new", **data: object) -> str:
        """Send a form; return where it leads, or the text of the page that answers."""
        answer = post(self.client, path, data, page=page)
        if status == 303:
            assert answer.status_code == status, _main_of(answer)
            return answer.headers["location"]
        return self._text(answer, status)

    @staticmethod
    def _text(answer: Response, status: int) -> str:
        assert answer.status_code == status, _main_of(answer)
        assert HOSTILE not in answer.text
        return " ".join(unescape(answer.text).split())


@pytest.fixture
def admin(site: Site, organisation: Organisation) -> Browser:
    """The administrator's browser, in English."""
    return Browser(site.client(organisation.admin))


@pytest.fixture
def coordinator(organisation: Organisation) -> UUID:
    """A coordinator of the chapter."""
    user = uuid4()
    join(organisation, user, "coordinator", organisation.chapter)
    return user


@pytest.fixture
def hostile(conn: Connection, organisation: Organisation) -> UUID:
    """A peer mentor, a chapter and a type whose names are markup; the peer mentor's id."""
    mentor = organisation.mentor("7")
    for statement in (
        "update mentorcert.peer_mentors set full_name = %s",
        "update mentorcert.chapters set name = %s",
        "update mentorcert.certification_types set name_nb = %s, name_en = name_nb",
    ):
        conn.execute(statement, (HOSTILE,))
    return mentor
