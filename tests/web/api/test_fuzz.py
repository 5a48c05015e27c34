"""What schemathesis makes of the document: no 5xx, and no answer that the document does not know.

With MENTORCERT_FUZZ=long it asks a hundred times as much, and something else each time.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.checks import CheckFunction, negative_data_rejection, positive_data_acceptance

from mentorcert.web.security.tokens import issue
from tests.web.api.conftest import API, People
from tests.web.conftest import AUTH, Site

IS_LONG: Final = os.environ.get("MENTORCERT_FUZZ") == "long"
ROLES: Final = ["administrator", "coordinator", "nobody"]
BOUNDED: Final = settings(
    max_examples=800 if IS_LONG else 8,
    derandomize=not IS_LONG,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TYPES: Final = ("basic", "half", "yearly", "pledge")


class Asker:
    """Asks as one role, holds each answer against the document, and counts statuses."""

    def __init__(self, people: People, role: str, *left_out: CheckFunction) -> None:
        # What has the form that the document describes can still break a rule of the registry.
        self._left_out = [positive_data_acceptance, *left_out]
        login = people.logins[role]
        self._headers = {} if login is None else {"Authorization": f"Bearer {issue(AUTH, login)}"}
        self.statuses = Counter[int]()

    def ask(self, case: Case[Any]) -> None:
        answer = case.call(headers=self._headers)
        self.statuses[answer.status_code] += 1
        case.validate_response(answer, excluded_checks=self._left_out, headers=self._headers)


@pytest.fixture
def schema(site: Site) -> BaseSchema:
    """The document, as the application serves it."""
    return schemathesis.openapi.from_asgi(f"{API}/openapi.json", site.app)


def operations(schema: BaseSchema) -> Iterator[Any]:
    results: Iterator[Any] = schema.get_all_operations()
    return (result.ok() for result in results)


def ask_all(cases: SearchStrategy[Case[Any]], asker: Asker) -> None:
    run: Callable[[], None] = BOUNDED(given(cases)(asker.ask))
    run()


@pytest.mark.parametrize("role", ROLES)
def test_the_edges_of_every_field(people: People, schema: BaseSchema, role: str) -> None:
    asker = Asker(people, role)
    for operation in operations(schema):
        for case in schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=schema.config.generation_for(operation=operation),
        ):
            asker.ask(case)
    assert {401, 405, 415, 422} <= asker.statuses.keys()
    assert asker.statuses.total() > 300


@pytest.mark.parametrize("role", ROLES)
def test_whatever_does_not_follow_the_document(people: People, schema: BaseSchema, role: str) -> None:
    # Some of it follows the document once it is sent: a list without members leaves no trace in a query.
    asker = Asker(people, role, negative_data_rejection)
    for operation in operations(schema):
        ask_all(operation.as_strategy(GenerationMode.NEGATIVE), asker)
    assert {401, 422} <= asker.statuses.keys()


@pytest.mark.parametrize("role", ROLES)
def test_whatever_follows_the_document(people: People, schema: BaseSchema, role: str) -> None:
    asker = Asker(people, role)
    there = {
        "certification_id": str(people.certification),
        "peer_mentor_id": str(people.mentor),
        "organisation": "demo",
    }

    def known(case: Case[Any]) -> Case[Any]:
        """Ask of what is there: by chance nobody meets an id."""
        if isinstance(case.body, dict) and "certification_type" in case.body:
            kind = TYPES[len(str(case.body["certification_type"])) % len(TYPES)]
            case.body |= {"peer_mentor_id": there["peer_mentor_id"], "certification_type": kind}
        return case

    for operation in operations(schema):
        named = {name: id_ for name, id_ in there.items() if f"{{{name}}}" in operation.path}
        cases = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=named).map(known)
        ask_all(cases, asker)
    expected = {200, 401, 422} if role == "nobody" else {200, 201, 409, 422}
    assert expected <= asker.statuses.keys()
