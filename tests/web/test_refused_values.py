"""What a form refuses comes back at its field, by its label and in the same words, with all that was sent."""

import inspect
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, get_args, get_type_hints
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI, params
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert.db.connection import Connection
from mentorcert.web.fields import Typed
from mentorcert.web.page_form import PageForm
from tests.support.registry import Organisation, join, rows
from tests.web.conftest import Site, post
from tests.web.test_forms import everything

BAD = "no such thing"
# Forms that a page shows only where there is a portal, or something to decide or undo; one carries a filter along unseen.
RARE = {
    "/admin/portal/mode",
    "/admin/portal/decide",
    "/admin/portal/acknowledge",
    "/admin/extensions/{batch_id}",
    "/admin/consents/withdraw",
    "/mentors/letters",
    "/filters/{filter_id}",
    # Only about others, and of a note that is there: tests/web/coordinator/test_notes.py.
    "/mentors/{mentor_id}/notes",
    "/mentors/{mentor_id}/notes/{note_id}",
    # Of a request that is there: tests/web/coordinator/test_requests.py.
    "/requests/{request_id}",
    "/requests/{request_id}/refuse",
    "/requests/{request_id}/ask-back",
    "/me/certifications/{certification_id}/request",
    "/me/certifications/{certification_id}/request/{request_id}/answer",
    # Of a course that is there: tests/web/coordinator/test_courses.py.
    "/courses/{course_id}/cancel",
    "/courses/{course_id}/edit",
    "/courses/{course_id}/open",
    "/courses/{course_id}/people",
    # Its filter is carried along, not typed there.
    "/admin/invitations/mentors",
}


def forms(app: FastAPI) -> Iterator[tuple[str, str, type[PageForm]]]:
    """Yield method, path and form of each page that has one."""
    for context in iter_route_contexts(app.routes):
        endpoint = getattr(context, "endpoint", None) or getattr(context.original_route, "endpoint", None)
        if endpoint is None or not inspect.isfunction(endpoint):
            continue
        for hint in get_type_hints(endpoint, include_extras=True).values():
            model, *marks = get_args(hint) or (None,)
            if inspect.isclass(model) and issubclass(model, PageForm):
                is_form = any(isinstance(mark, params.Form) for mark in marks)
                yield ("POST" if is_form else "GET"), context.path or "", model


def refusable(model: type[PageForm]) -> dict[str, str]:
    """Return what each field cannot take: a choice that is none, a text that is too long."""
    bad = {}
    for name, field in model.model_fields.items():
        if not any(isinstance(mark, Typed) for mark in field.metadata):
            continue
        try:
            is_bad = model.model_validate({**needed(model), name: BAD}).is_faulty
        except ValueError:
            continue
        bad[name] = BAD if is_bad else "x" * 6001
    return bad


def needed(model: type[PageForm]) -> dict[str, Any]:
    """Return what a form carries along."""
    of = {UUID: str(uuid4()), int: "0", bool: "true", str: "x"}
    return {
        name: of.get(field.annotation, "registry")  # type: ignore[arg-type]
        for name, field in model.model_fields.items()
        if field.is_required()
    }


@pytest.fixture
def person(conn: Connection, organisation: Organisation) -> UUID:
    """Somebody who may send every form."""
    organisation.certify(organisation.mentor())
    renewed = organisation.certify(organisation.mentor(external_id="2"))
    conn.execute("select public.renew_certification(%s)", (renewed,))
    person = uuid4()
    join(organisation, person, "org_admin")
    join(organisation, person, "coordinator", organisation.chapter)
    conn.execute("update mentorcert.peer_mentors set user_id = %s where external_id = '1'", (person,))
    conn.execute(
        "insert into mentorcert_private.letters (organisation_id, written_by, recipient_ids) values (%s, %s, '{}')",
        (organisation.id, person),
    )
    conn.execute(
        "insert into mentorcert_private.change_batches (organisation_id, change, certification_ids, entry_ids, changed_by)"
        " select organisation_id, 'renew', array[id], array[(renewal_history #>> '{-1,entry_id}')::uuid], %s"
        " from public.peer_mentor_certifications where id = %s",
        (person, renewed),
    )
    return person


def sent(client: TestClient, conn: Connection, method: str, path: str, data: dict[str, str]) -> Response:
    """Send a form to the first row to which the path leads."""
    ids = [
        id_
        for table in ("peer_mentors", "chapters", "certification_types", "memberships")
        for (id_,) in rows(conn, f"select id from mentorcert.{table} order by 1")
    ]
    ids += [id_ for (id_,) in rows(conn, "select id from public.peer_mentor_certifications")]
    ids += [id_ for (id_,) in rows(conn, "select id from mentorcert_private.letters")]
    ids += [id_ for (id_,) in rows(conn, "select batch_id from mentorcert_private.change_batches")]
    mentors = [str(id_) for (id_,) in rows(conn, "select id from mentorcert.peer_mentors order by 1")]
    carried = dict(zip(("kept", "absorbed"), mentors, strict=False)) if "kept" in data else {}
    carried |= {"mentor": mentors[0]} if "mentor" in data else {}
    for id_ in ids if "{" in path else ids[:1]:
        target = re.sub(
            r"\{\w+\}", str(id_), path.replace("{section}", "types").replace("{mentor_id}", mentors[0])
        )
        answer = (
            client.get(target, params={**data, **carried})
            if method == "GET"
            else post(client, target, {**data, **carried})
        )
        if answer.status_code != 404:
            return answer
    return answer


def test_every_value_that_people_choose_or_type(site: Site, conn: Connection, person: UUID) -> None:
    client = site.client(person)
    before, tried, faults = everything(conn), 0, {}
    for method, path, model in forms(site.app):
        bad = refusable(model)
        if (
            not bad
            or path.startswith(("/sign-in", "/api/"))
            or path in RARE
            or path.endswith((".csv", ".xlsx"))
        ):
            continue
        answer = sent(client, conn, method, path, {**needed(model), **bad})
        if wrong := wrongs(answer, bad):
            faults[f"{method} {path} {sorted(bad)}"] = wrong
        tried += 1
    assert not faults, "\n".join(f"{where}: {wrong}" for where, wrong in faults.items())
    assert tried > 15
    # A form with a preview is kept as a draft, whatever is wrong with it.
    assert {**everything(conn), "mentorcert_private.form_drafts": None} == before


def wrongs(answer: Response, bad: dict[str, str]) -> list[str]:
    """Return what a page does not say of the fields that it refuses."""
    if answer.status_code != 422:
        return [str(answer.status_code)]
    summary = answer.text.partition('class="error summary"')[2].partition("</ul>")[0]
    said = {unescape(id_): text for id_, text in re.findall(r'<a href="#([^"]*)">(.*?)</a>', summary)}
    wrong = [] if len(said) == len(shown(answer.text, bad)) > 0 else [f"{sorted(said)} are said"]
    for id_, text in said.items():
        beside = re.findall(rf'id="{re.escape(id_)}-error">(.*?)</p>', answer.text)
        if f'id="{id_}"' not in answer.text or not any(
            re.fullmatch(rf".+[:?] {re.escape(of)}", text) for of in beside
        ):
            wrong.append(f"{id_}: {text}, {beside}")
    return wrong


def shown(page: str, bad: dict[str, str]) -> set[str]:
    """Return the refused fields that the page shows."""
    main = page.partition("<main")[2]
    return {
        name for name in bad if re.search(rf'(?<!type="hidden" )name="{name}"|fieldset id="{name}"', main)
    }


def test_a_choice_that_is_none_keeps_the_rest(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    client = site.client(organisation.admin)
    path = "/admin/memberships"
    answer = post(client, path, {"email": "kari@example.org", "role": "king", "external_id": "7"}, page=path)
    assert answer.status_code == 422
    for kept in ('value="kari@example.org"', 'value="7"', '<a href="#role">Role: Choose one of these.</a>'):
        assert kept in answer.text
    assert '<option value="" selected>Choose</option>' in answer.text


def test_an_unknown_filter_is_no_other_list(site: Site, organisation: Organisation) -> None:
    organisation.certify(organisation.mentor())
    client = site.client(organisation.admin)
    for path, says in (
        ("/certifications?status=gone", '<a href="#status">Status: Choose one of these.</a>'),
        ("/certifications?chapter=x", '<a href="#chapter">Chapter: Choose one of these.</a>'),
        ("/mentors?chapter=x", '<a href="#chapter">Chapter: Choose one of these.</a>'),
        ("/admin/memberships?role=king", '<a href="#filter-role">Role: Choose one of these.</a>'),
    ):
        answer = client.get(path)
        assert (answer.status_code, says in answer.text) == (422, True), path
        assert "<tbody>" not in answer.text, path
    assert client.get("/certifications.csv?status=gone").status_code == 422


def test_no_error_page_names_a_parameter(site: Site, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    for answer in (
        client.get("/certifications?sort=nonsense_of_mine"),
        post(client, "/certifications/bulk", {"id": "nonsense_of_mine"}),
        post(client, "/organisation", {"organisation_id": "nonsense_of_mine"}),
    ):
        assert answer.status_code == 422
        assert "nonsense_of_mine" not in answer.text.partition("<main")[2]
        assert "organisation_id" not in answer.text.partition("<h1>")[2]
