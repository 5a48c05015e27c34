"""The OpenAPI document: current, complete, and readable by people."""

import re
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest

from mentorcert.web.api import document
from tests.support.generated_openapi import FILE, text
from tests.web.api.conftest import API
from tests.web.conftest import Site

OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]


def test_the_kept_document_is_current() -> None:
    assert FILE.read_text("utf-8") == text(), "run `python -m tests.support.generated_openapi`"


def test_the_document_is_served(site: Site) -> None:
    answer = site.client().get(f"{API}/openapi.json")
    assert answer.json() == document()
    assert answer.headers["content-type"] == "application/json"
    assert document()["openapi"].startswith("3.1.")


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["description"]
    assert len(operation["tags"]) == 1
    is_public = path.startswith(f"{API}/public/")
    assert operation.get("security") == (None if is_public else [{"supabase": []}])
    expected = {"401", "422", "429", "503"} | ({"403"} if not is_public else set())
    if "{" in path and not is_public:
        expected.add("404")
    if method == "post":
        expected |= {"400", "404", "409", "413", "415"}
    # A request carries the version that was read in its body.
    if "{" in path and method == "post" and "renewal-requests" not in path and "/courses" not in path:
        expected.add("412")
    adding = {"register_certification", "request_renewal", "plan_course", "sign_up_for_course"}
    success = "201" if operation["operationId"] in adding else "200"
    assert operation["responses"].keys() == expected | {success}
    for status, answer in operation["responses"].items():
        media_type = "application/json" if status == success else "application/problem+json"
        assert answer["content"].keys() == {media_type}
        assert answer["description"]
    for parameter in operation.get("parameters", ()):
        assert parameter["in"] == "path" or parameter["description"], parameter["name"]
        assert "null" not in str(parameter["schema"])


def test_each_text_of_a_body_has_a_form() -> None:
    # One of any form may hold NUL, or half a character, which no connection can send.
    schemas = document()["components"]["schemas"]

    def formless(schema: dict[str, Any], where: str) -> list[str]:
        named = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        parts = dict(named.get("properties", {}))
        parts |= {f"{number}": part for number, part in enumerate(named.get("anyOf", ()))}
        parts |= {"items": named["items"]} if "items" in named else {}
        found = (
            [where]
            if named.get("type") == "string" and not named.keys() & {"pattern", "format", "enum"}
            else []
        )
        return found + [one for name, part in parts.items() for one in formless(part, f"{where}.{name}")]

    bodies = {
        operation["operationId"]: operation["requestBody"]["content"]["application/json"]["schema"]
        for methods in document()["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    }
    assert "plan_course" in bodies
    assert [one for name, body in bodies.items() for one in formless(body, name)] == []


def test_every_schema_is_described_and_its_examples_fit() -> None:
    schemas = document()["components"]["schemas"]
    used = set(re.findall(r"#/components/schemas/(\w+)", str(document())))
    assert used == schemas.keys()
    with_examples = 0
    for name, schema in schemas.items():
        assert schema.get("description"), name
        for example in schema.get("examples", ()):
            with_examples += 1
            whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
            jsonschema.validate(example, whole, cls=jsonschema.Draft202012Validator)
    assert with_examples >= 6


def test_documentation_for_people(site: Site) -> None:
    answer = site.client().get(f"{API}/docs")
    assert answer.status_code == 200
    page = answer.text
    ids: list[str] = []
    links: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag != "script"
            for name, value in attrs:
                if name == "id":
                    ids.append(value or "")
                elif name == "href" and value and value.startswith("#"):
                    links.append(value[1:])

    Reader().feed(page)
    assert len(ids) == len(set(ids))
    assert set(links) <= set(ids)
    assert {parameter.id for parameter in OPERATIONS} <= set(ids)
    assert document()["components"]["schemas"].keys() <= set(ids)
