"""My history, in words, page by page."""

import re

import pytest

from mentorcert.certifications import history_storage, repository
from mentorcert.certifications.history import Evidence
from mentorcert.db.connection import Connection
from tests.support.cases import in_turn
from tests.support.registry import today
from tests.web.conftest import Site
from tests.web.mentor.conftest import People


@pytest.mark.parametrize("mode", ["in the row", "as events"])
def test_in_words(conn: Connection, site: Site, people: People, mode: str) -> None:
    if mode == "as events":
        history_storage.move_to_events(conn)
    with people.organisation.as_admin():
        repository.suspend(conn, people.certification, "<b>Ill</b>")
        repository.reinstate(conn, people.certification)
        evidence = Evidence(seen="Diploma", seen_on=today(conn), seen_by=None)
        repository.renew(conn, people.certification, evidence=evidence)
    text = site.client(people.mentor).get("/me/history").text
    assert re.findall(r"<h2>basic: (.*?)</h2>", text) == ["Renewed", "Reinstated", "Suspended", "Issued"]
    assert text.count("by an administrator") == 3
    assert "Reason given: &lt;b&gt;Ill&lt;/b&gt;" in text
    assert "Seen as evidence: Diploma" in text
    assert "1\xa0January\xa02020" in text
    assert "Fornyet" in site.client(people.mentor, "nb").get("/me/history").text


def test_page_by_page_with_a_long_history(conn: Connection, site: Site, people: People) -> None:
    people.organisation.certify(people.mentor_id, "half", last_day=today(conn, 50), past=120)
    client, path, sizes = site.client(people.mentor), "/me/history", []
    while path:
        text = client.get(path).text
        sizes.append(text.count("<h2>"))
        following = re.search(r'rel="next" href="([^"]+)"', text)
        path = following[1] if following else ""
    assert sizes == [50, 50, 22]


@in_turn("query", ["after=x", "after=", "after=eyJwb3NpdGlvbiI6MX0"])
def test_bad_queries(site: Site, people: People, query: str) -> None:
    assert site.client(people.mentor).get(f"/me/history?{query}").status_code == 422
