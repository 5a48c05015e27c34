"""Who gets to the administrator's pages: the administrator, and nobody else."""

from uuid import UUID, uuid4

from tests.support.cases import in_turn
from tests.support.registry import Organisation, join, set_up
from tests.web.administrator.conftest import Browser
from tests.web.conftest import Site, post

PAGES = [
    "/admin", "/admin/types", "/admin/types/new", "/admin/chapters", "/admin/chapters/new",
    "/admin/memberships", "/admin/extensions",
    "/admin/extensions/preview?certification_type=basic&last_valid_day=2150-01-01",
    "/admin/nightly", "/admin/portal", "/admin/portal/replay", "/admin/endpoints", "/admin/audit",
]  # fmt: skip
FORMS = [
    "/admin/types/new", "/admin/chapters/new", "/admin/memberships", "/admin/extensions",
    "/admin/portal/mode", "/admin/portal/replay",
]  # fmt: skip


@in_turn("page", PAGES)
def test_pages(page: str, site: Site, admin: Browser, organisation: Organisation, coordinator: UUID) -> None:
    mentor = uuid4()
    join(organisation, mentor, "peer_mentor")
    html = admin.get(page)
    assert html.count("<h1>") == 1
    assert site.client(organisation.admin, "nb").get(page).status_code == 200
    for user in (coordinator, mentor):
        assert site.client(user).get(page).status_code == 403
    assert site.client().get(page).headers["location"].startswith("/sign-in?next=%2Fadmin")


@in_turn("page", FORMS)
def test_forms(page: str, site: Site, coordinator: UUID) -> None:
    assert post(site.client(coordinator), page).status_code == 403
    assert post(site.client(), page).headers["location"].startswith("/sign-in")


def test_another_organisations_rows_do_not_exist(
    site: Site, admin: Browser, organisation: Organisation
) -> None:
    other = set_up(organisation.conn, "other")
    member = join(other, uuid4(), "coordinator", other.chapter)
    (type_,) = organisation.conn.execute(
        "select id from mentorcert.certification_types where organisation_id = %s limit 1", (other.id,)
    ).fetchone() or (None,)
    for path in (
        f"/admin/types/{type_}", f"/admin/chapters/{other.chapter}", f"/admin/memberships/{member}/end",
        f"/admin/extensions/{uuid4()}",
    ):  # fmt: skip
        admin.get(path, 404)
    admin.post(f"/admin/types/{type_}", 404, name_nb="x", name_en="x")
    admin.post(f"/admin/chapters/{other.chapter}", 404, name="x", code="x")
    admin.post(f"/admin/memberships/{member}/end", 404)
    assert "other" not in admin.get("/admin/chapters")
