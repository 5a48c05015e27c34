"""A connection's file: every fault is named with its place and what to do, and never a secret."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mentorcert.errors import PortalConfigurationError, SecretUnreadableError
from mentorcert.portal.config import configuration
from mentorcert.portal.config.configuration import DataverseTarget, FileTarget, WebhookTarget
from mentorcert.portal.config.mapping import Column
from mentorcert.portal.config.secret import Secret

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "portal").glob("connection*.toml"))

WEBHOOK = """
organisation = "demo"
[target]
adapter = "webhook"
url = "https://portal.example.org/hook"
[[auth]]
method = "hmac"
keys = [{ secret = "env:KEY", expires = 2027-01-31 }]
"""
DATAVERSE = """
organisation = "demo"
[target]
adapter = "dataverse"
url = "https://demo.crm4.dynamics.com"
table = "mentors"
key = "mentor"
[target.columns]
version = "version"
status = "status"
listed = "listed"
"""
INBOUND = """
[inbound]
[[inbound.auth]]
method = "code"
value = { secret = "env:CODE", expires = "never" }
"""
RULE = """
[[inbound.rules]]
name = "one"
action = "renew"
certification_type = "basic"
date_column = "completed"
entity = "course"
columns = { grade = 3 }
mentor = { column = "number" }
"""
MISNAMED = RULE.replace('"course"', '"cuorse"') + '[inbound.tables]\ncourse = "courses"'


def owning(column: str) -> str:
    return INBOUND.replace("[inbound]", f'[inbound]\nown_columns = ["{column}"]') + RULE


def load(tmp_path: Path, text: str) -> configuration.Configuration:
    file = tmp_path / "connection.toml"
    file.write_text(text)
    return configuration.load(file)


def test_the_examples_are_valid() -> None:
    targets = {type(configuration.load(example).target) for example in EXAMPLES}
    assert targets == {WebhookTarget, DataverseTarget, FileTarget}


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["organisation: Field required", "target: Field required"]),
        ("a = 1\nb = \nc = 2", ["not TOML", "line 2"]),
        (WEBHOOK.replace("demo", "De Mo"), ["organisation: String should match pattern"]),
        (WEBHOOK.replace('"webhook"', '"soap"'), ["target: Input tag"]),
        (WEBHOOK.replace("adapter", "adaptor"), ["target: Unable to extract tag"]),
        (WEBHOOK + "\n[limit]\ntotal_s = 3", ["limit: Extra inputs are not permitted"]),
        (WEBHOOK + "\n[limits]\ntotal_s = 0", ["limits.total_s: Input should be greater than 0"]),
        (WEBHOOK + "\n[limits]\nconcurrency = 53", ["limits.concurrency: Input should be less than"]),
        (WEBHOOK.replace("https", "http"), ["target.url: must begin with https://"]),
        (WEBHOOK.replace("https", "ftp"), ["target.url: must be a URL"]),
        (WEBHOOK.replace("portal.e", "u:secret-word@portal.e"), ["url: must have no user"]),
        (WEBHOOK.replace("/hook", "/hook?code=secret-word"), ["url: must have no user, query"]),
        (WEBHOOK.replace("env:KEY", "secret-word"), ["auth[0].keys[0].secret: must be a reference"]),
        (WEBHOOK.replace("env:KEY", "env:"), ["auth[0].keys[0].secret: must be a reference"]),
        (WEBHOOK.replace("2027-01-31", '"secret-word"'), ["auth[0].keys[0].expires"]),
        (WEBHOOK.replace(", expires = 2027-01-31", ""), ["auth[0].keys[0].expires: Field required"]),
        (WEBHOOK.partition("[[auth]]")[0], ["file: auth: our contract is signed"]),
        (WEBHOOK + "[[auth]]" + WEBHOOK.partition("[[auth]]")[2], ["auth: give each method once"]),
        (DATAVERSE + "[[auth]]" + WEBHOOK.partition("[[auth]]")[2], ["only the webhook adapter uses it"]),
        (DATAVERSE.replace('"mentors"', '"mentors(1)"'), ["target.table: must be a name"]),
        (DATAVERSE.replace('listed = "listed"', 'listed = "status"'), ["status is mapped twice"]),
        (DATAVERSE.replace('"status"\n', '{ name = "s", values = { certified = 1 } }\n'), ["lacks erased"]),
        (DATAVERSE.replace('"listed"\n', '{ name = "l", values = { true=1, false=0, x=3 }}'), ["has x"]),
        (DATAVERSE.replace('"version"\n', '{ name = "v", values = { true = 1 } }\n'), ["leave `values` out"]),
        (
            DATAVERSE + '[[auth]]\nmethod = "entra"\ntenant = "t"\nclient_id = "c"',
            ["auth[0]: needs client_secret or certificate"],
        ),
        (WEBHOOK + "[inbound]", ["inbound.auth: Field required"]),
        (WEBHOOK + INBOUND + RULE.replace('"renew"', '"delete"'), ["inbound.rules[0].action"]),
        (WEBHOOK + INBOUND + RULE.replace('"renew"', '"merge"'), ["the action merge needs into"]),
        (WEBHOOK + INBOUND + RULE.replace("date_column", "into"), ["the action renew needs date_column"]),
        (WEBHOOK + INBOUND + RULE.replace("columns = { grade = 3 }", ""), ["needs columns"]),
        (WEBHOOK + INBOUND + RULE + RULE, ["each needs its own name"]),
        (WEBHOOK + INBOUND + RULE.replace('"course"', '"Course"'), ["logical names are lower case"]),
        (WEBHOOK + INBOUND + RULE + 'message = "update"', ["knows no update; did you mean Update?"]),
        (WEBHOOK + INBOUND + RULE.replace('"course"', '"org.course.v1"') + 'message = "Update"', ["has no message"]),
        (WEBHOOK + INBOUND + RULE.replace('"number"', '"Number"'), ["Number: Dataverse's column names are lower"]),
        (WEBHOOK + INBOUND + RULE.replace('"number"', '"PrimaryEntityId"'), ["never equal to a member number"]),
        (WEBHOOK + INBOUND + RULE + 'message = "Updates"', ["did you mean Update?"]),
        (WEBHOOK + INBOUND + MISNAMED, ["one: no table of the file is cuorse; did you mean course?"]),
        (DATAVERSE + owning("versions"), ["we do not write versions, so it is no echo; did you mean version?"]),
        (WEBHOOK + owning("mentor_versions"), ["did you mean mentor_version?"]),
        (DATAVERSE + INBOUND + RULE.replace("{ grade", "{ status"), ["one names status, which we write", "own_users"]),
        (WEBHOOK + INBOUND + RULE.replace("{ grade", "{ listed"), ["one names listed, which we write"]),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_place(tmp_path: Path, text: str, faults: list[str]) -> None:
    with pytest.raises(PortalConfigurationError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert [fault for fault in faults if fault not in message] == [], message
    assert message.startswith(f"{tmp_path}/connection.toml: ")
    assert caught.value.hint
    assert "secret-word" not in message + repr(caught.value)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(PortalConfigurationError) as caught:
        load(
            tmp_path, WEBHOOK.replace("https", "http").replace("env:KEY", "x") + "\n[limits]\nconnect_s = -1"
        )
    for place in ("target.url: ", "auth[0].keys[0].secret: ", "limits.connect_s: "):
        assert f"\n  {place}" in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "[::1]:8090", "localhost"])
def test_plain_http_is_for_loopback(tmp_path: Path, host: str) -> None:
    read = load(tmp_path, WEBHOOK.replace("https://portal.example.org", f"http://{host}"))
    assert isinstance(read.target, WebhookTarget)


@pytest.mark.parametrize(
    "host", ["127.0.0.1.example.org", "localhost.example.org", "192.168.0.1", "10.0.0.1"]
)
def test_plain_http_is_for_nobody_else(tmp_path: Path, host: str) -> None:
    with pytest.raises(PortalConfigurationError, match="loopback"):
        load(tmp_path, WEBHOOK.replace("https://portal.example.org", f"http://{host}"))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PortalConfigurationError, match="cannot be read: FileNotFoundError"):
        configuration.load(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b"organisation = '\xe6'")
    with pytest.raises(PortalConfigurationError, match="not UTF-8"):
        configuration.load(tmp_path / "latin.toml")


def test_secrets_that_expire_are_reported_in_time(tmp_path: Path) -> None:
    text = WEBHOOK.replace(
        "keys = [", 'keys = [{ secret = "env:NEW", expires = "never" }, '
    ) + INBOUND.replace('"never"', "2026-12-01")
    read = load(tmp_path, text)
    found = configuration.expiring(read, date(2027, 1, 1))
    assert [(one.where, one.reference, one.days_left) for one in found] == [
        ("inbound.auth[0].value", "env:CODE", -31),
        ("auth[0].keys[1]", "env:KEY", 30),
    ]
    assert [one.days_left for one in configuration.expiring(read, date(2026, 11, 1))] == [30]
    assert configuration.expiring(read, date(2026, 10, 31)) == []


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" the secret\n")
    secret = Secret(secret=f"file:{tmp_path}/secret", expires="never")
    assert secret.read().get_secret_value() == "the secret"
    assert "the secret" not in repr(secret) + str(secret.read())


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * 70_000, None])
def test_a_file_that_holds_no_secret(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SecretUnreadableError) as caught:
        Secret(secret=f"file:{tmp_path}/secret", expires="never").read()
    assert f"file:{tmp_path}/secret" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("values", "written", "read"),
    [
        (None, {True: True, "certified": "certified"}, {True: "true", "certified": "certified", None: None}),
        ({"true": 1, "false": 0}, {True: 1, False: 0}, {1: "true", 0: "false", 7: None}),
        ({"certified": "J", "expired": "N", "erased": "N"}, {"expired": "N"}, {"J": "certified", "N": None}),
    ],
)  # fmt: skip
def test_values_go_there_and_back(values: Any, written: dict[Any, Any], read: dict[Any, Any]) -> None:
    column = Column(name="column", values=values)
    assert {ours: column.write(ours) for ours in written} == written
    assert {theirs: column.read(theirs) for theirs in read} == read


def test_a_boolean_is_no_number() -> None:
    column = Column(name="column", values={"true": 1, "false": 0})
    assert column.read(True) is None
