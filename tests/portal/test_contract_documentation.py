"""The receiver in the contract's document does what the contract asks of a receiver."""

import json
import re
import runpy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mentorcert.portal.contract import message, signature
from mentorcert.portal.model import DesiredState
from tests.portal.contract_examples import FOLDER, KEYS, ROOT, SENT_AT, STATES, TARGET

DOCUMENT = (ROOT / "docs" / "portal" / "contract.md").read_text("utf-8")
KEY, OTHER_KEY = (signature.key(one) for one in KEYS)

Receive = Callable[[dict[str, str], bytes, Callable[[], float]], tuple[int, dict[str, str]]]


@pytest.fixture
def receiver(tmp_path: Path) -> dict[str, Any]:
    """The names that the document's one Python block defines."""
    (source,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    file = tmp_path / "receiver.py"
    file.write_text(source, "utf-8")
    return runpy.run_path(str(file))


def send(receiver: dict[str, Any], state: DesiredState, *keys: bytes) -> tuple[int, dict[str, str]]:
    rendered = message.render(state, target=TARGET)
    headers = signature.headers(rendered.id, rendered.body, keys or (KEY,), SENT_AT)
    return heard(receiver, headers, rendered.body)


def heard(
    receiver: dict[str, Any], headers: dict[str, str], body: bytes, at: datetime = SENT_AT
) -> tuple[int, dict[str, str]]:
    receive: Receive = receiver["receive"]
    return receive(headers, body, at.timestamp)


def test_it_takes_every_golden_example(receiver: dict[str, Any]) -> None:
    headers = json.loads((FOLDER / "v1.1" / "headers.json").read_text("utf-8"))["headers"]
    for name in sorted(headers, key=lambda name: STATES[name.removesuffix(".json")].version):
        body = (FOLDER / "v1.1" / name).read_bytes()
        assert heard(receiver, headers[name], body)[0] == 200


def test_it_keeps_the_rule(receiver: dict[str, Any]) -> None:
    outcomes = [
        send(receiver, replace(STATES["certified"], version=n))[1]["outcome"] for n in (3, 3, 2, 4, 1)
    ]
    assert outcomes == ["applied", "already_newer", "already_newer", "applied", "already_newer"]


def test_a_higher_epoch_wins_and_erased_is_for_good(receiver: dict[str, Any]) -> None:
    certified, erased = STATES["certified"], STATES["erased"]
    sent = [
        replace(certified, version=6),
        replace(certified, version=4, epoch=1),
        replace(certified, version=9),
        replace(erased, version=5, epoch=1),
        replace(certified, version=9, epoch=2),
        replace(erased, version=9, epoch=2),
    ]
    answers = [send(receiver, one)[1] for one in sent]
    assert [answer["outcome"] for answer in answers] == [
        "applied", "applied", "already_newer", "applied", "erased", "applied",
    ]  # fmt: skip
    assert int(answers[2]["mentor_epoch"]) == 1
    assert receiver["listed"]("2026-03-02T00:00:00Z") == []


def test_it_shows_whom_it_may(receiver: dict[str, Any]) -> None:
    send(receiver, STATES["certified"])
    assert receiver["listed"]("2028-12-31T22:59:59Z") == ["4711"]
    assert receiver["listed"]("2028-12-31T23:00:00Z") == []
    send(receiver, STATES["expired"])
    assert receiver["listed"]("2026-03-02T00:00:00Z") == []


def test_it_verifies(receiver: dict[str, Any]) -> None:
    state = STATES["certified"]
    assert send(receiver, state, OTHER_KEY)[0] == 401
    assert send(receiver, state, OTHER_KEY, KEY)[0] == 200
    rendered = message.render(state, target=TARGET)
    headers = signature.headers(rendered.id, rendered.body, [KEY], SENT_AT)
    assert heard(receiver, headers, rendered.body + b" ")[0] == 401
    assert heard(receiver, headers | {"webhook-id": "another"}, rendered.body)[0] == 401
    assert heard(receiver, headers, rendered.body, datetime(2026, 3, 2, 6, 36, tzinfo=UTC))[0] == 401
    for timestamp in ("", "x", "٣", "9" * 5000):
        assert heard(receiver, headers | {"webhook-timestamp": timestamp}, rendered.body)[0] == 401
    assert heard(receiver, {}, rendered.body)[0] == 401


@pytest.mark.usefixtures("version_2")
def test_it_does_not_guess_at_version_2(receiver: dict[str, Any]) -> None:
    rendered = message.render(STATES["certified"], target=TARGET, version="v2")
    headers = signature.headers(rendered.id, rendered.body, [KEY], SENT_AT)
    assert heard(receiver, headers, rendered.body)[0] == 400


def test_the_headers_shown_are_those_of_the_first_example() -> None:
    headers = json.loads((FOLDER / "v1.1" / "headers.json").read_text("utf-8"))["headers"]["certified.json"]
    shown = dict(re.findall(r"^(webhook-[a-z]+): (.+)$", DOCUMENT, re.MULTILINE))
    assert shown == headers | {"webhook-signature": headers["webhook-signature"].split(" ")[0]}


def test_every_link_within_the_checkout_leads_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)]+)\)", DOCUMENT)
    assert len(targets) == 9
    for target in targets:
        assert (ROOT / "docs" / "portal" / target).is_file(), target
