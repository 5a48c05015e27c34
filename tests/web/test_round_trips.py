"""A page or a call makes four round trips to the database at most; `opened` counts those of every test of the pages.

What `test_roles` and `test_forms` ask for is every route of the application, read and changed.
"""

from fastapi import Response
from fastapi.responses import HTMLResponse
from fastapi.routing import iter_route_contexts

from mentorcert.db import rows
from mentorcert.web.context import OptionalUser
from tests.support.registry import Organisation
from tests.support.round_trips import LIMITS
from tests.web.conftest import Site, post


def test_one_too_many_is_noticed(site: Site, organisation: Organisation) -> None:
    def page(context: OptionalUser) -> Response:
        for _ in range(3):
            rows.fetch_one(context.conn, int, "select 1")
        return Response()

    site.app.get("/trial")(page)
    site.client(organisation.admin).get("/trial").raise_for_status()
    assert site.watched.exceeding == [("GET", "/trial", 5)]
    site.watched.exceeding.clear()


def test_a_page_without_an_address_is_noticed(site: Site, organisation: Organisation) -> None:
    site.app.post("/trial")(lambda: HTMLResponse("done"))
    assert post(site.client(organisation.admin), "/trial", page="/overview").status_code == 200
    assert site.watched.without_address == {"/trial"}
    site.watched.without_address.clear()


def test_what_is_asked_ahead_comes_together(site: Site, organisation: Organisation) -> None:
    def page(context: OptionalUser) -> Response:
        sent = [rows.ahead(rows.fetch_one, context.conn, int, f"select {number}") for number in range(10)]
        assert [answer.value for answer in sent] == list(range(10))
        with context.conn.transaction():
            rows.send(context.conn, "set local statement_timeout = '5s'")
            assert rows.fetch_one(context.conn, str, "show statement_timeout") == "5s"
        return Response()

    site.app.get("/trial")(page)
    site.client(organisation.admin).get("/trial").raise_for_status()
    assert site.watched.exceeding == []


def test_only_routes_that_exist_have_a_limit_of_their_own(site: Site) -> None:
    known = {
        (method, route.path)
        for route in iter_route_contexts(site.app.routes)
        for method in route.methods or ()
    }
    assert set(LIMITS) <= known
