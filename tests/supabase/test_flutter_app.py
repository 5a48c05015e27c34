"""The app of examples/flutter_app: Dart that is Dart, exchanges as the Data API answers them, words for every error."""

import json
import re
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import tree_sitter_dart
from tree_sitter import Language, Node, Parser

from mentorcert.certifications.history import Kind
from tests.acceptance.test_docs import first_cells
from tests.supabase import exchanges, lite
from tests.supabase.exchanges import APP, FOLDER
from tests.support.generated_docs import DOCS, ROOT
from tests.support.servers import Server, on_embedded_18

DART: Final = sorted(APP.rglob("*.dart"))
ARB: Final = sorted((APP / "lib" / "l10n").glob("app_*.arb"))
_CODES: Final = re.compile(r"^  '(\w+)': Failure\.(\w+),", re.MULTILINE)


def tree(path: Path) -> Node:
    return Parser(Language(tree_sitter_dart.language())).parse(path.read_bytes()).root_node


def source(name: str) -> str:
    return (APP / name).read_text("utf-8")


@pytest.mark.parametrize("path", DART, ids=lambda path: str(path.relative_to(APP)))
def test_it_parses_and_broken_it_does_not(path: Path) -> None:
    assert not tree(path).has_error
    text = path.read_text("utf-8")
    broken = text.rpartition("}")[0].encode()
    assert Parser(Language(tree_sitter_dart.language())).parse(broken).root_node.has_error


@lite.needs_lite
@on_embedded_18
def test_the_exchanges_are_what_is_answered(server: Server, template: str, tmp_path: Path) -> None:
    recorded = exchanges.record(server, tmp_path)
    kept = {file.stem: file.read_text("utf-8") for file in FOLDER.iterdir()}
    assert {name: exchanges.written(exchange) for name, exchange in recorded.items()} == kept, (
        "`.venv/bin/python -m tests.supabase.exchanges` writes them again"
    )


def test_a_peer_mentor_is_shown_the_own_certifications_alone() -> None:
    """What the mission asks of the app's tests, of the recorded answers themselves."""
    assert "the client returns only the signed-in person\\'s certifications" in source(
        "test/registry_test.dart"
    )
    own, everything, of_all = (
        _exchange(name)["response"]["body"]
        for name in (
            "own_certifications_mentor",
            "certifications_page_mentor",
            "certifications_page_coordinator",
        )
    )
    assert {row["peer_mentors"]["full_name"] for row in own} == {"kari"}
    assert {row["id"] for row in own} == {row["id"] for row in everything}
    assert {row["peer_mentors"]["full_name"] for row in of_all} - {"kari"}, "there are others in the chapter"


def test_no_exchange_holds_a_secret() -> None:
    for file in FOLDER.iterdir():
        text = file.read_text("utf-8")
        signatures = set(re.findall(r"eyJ[\w-]+\.[\w-]+\.([\w-]+)", text))
        assert signatures <= {"recorded"}
        assert "sb_publishable" not in text


def _exchange(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def test_each_exchange_has_its_call() -> None:
    """Which the app makes, and a test of the app replays."""
    client = source("lib/registry.dart")
    tests = "".join(path.read_text("utf-8") for path in (APP / "test").glob("*.dart"))
    paths = set()
    for file in FOLDER.iterdir():
        request = _exchange(file.stem)["request"]
        area, *_, name = request["path"].strip("/").split("/")
        paths.add(name)
        if area == "rest":
            table = f".from('{name}')" if "/rpc/" not in request["path"] else f"rpc('{name}'"
            assert table in client, file.name
            for column in request["query"].get("select", "").replace("!inner", "").split(","):
                assert re.search(rf"\b{re.escape(column.partition('(')[0])}\b", client), (file.name, column)
            for parameter in request["body"] or {}:
                assert f"'{parameter}':" in client, (file.name, parameter)
        replayed = file.stem.removeprefix("enter_code_")
        assert f"'{replayed}'" in tests or f"'{file.stem}'" in tests, file.name
    called = set(re.findall(r"(?:from|rpc)\('(\w+)'", client))
    assert called <= paths, "each call has an exchange"


def test_every_code_has_its_handling() -> None:
    handled = dict(_CODES.findall(source("lib/failure.dart").partition("authFailures")[0]))
    explained = set(re.findall(r"`(\w+)`", " ".join(first_cells(DOCS / "flutter.md", "| code |"))))
    raised = set(
        re.findall(
            r"errcode\s*=\s*'(\w{5})'",
            "".join(file.read_text("utf-8") for file in (ROOT / "supabase" / "migrations").iterdir()),
        )
    )
    assert raised
    assert raised <= handled.keys(), "what the database raises"
    assert handled.keys() == explained, "what docs/flutter.md explains, and nothing else"


def test_every_failure_has_words_in_both_languages() -> None:
    failure = source("lib/failure.dart")
    kinds = re.findall(r"^  (\w+),$", failure.partition("enum Failure {")[2].partition("}")[0], re.MULTILINE)
    assert len(kinds) > 20
    assert {kind for _, kind in _CODES.findall(failure)} <= set(kinds)
    texts = [json.loads(file.read_text("utf-8")) for file in ARB]
    assert [text["@@locale"] for text in texts] == ["en", "nb"]
    for text in texts:
        said = [text[kind] for kind in kinds]
        assert len(set(said)) == len(said)
        assert all(f"Failure.{kind} => texts.{kind}," in failure for kind in kinds)


def test_every_text_is_in_both_languages_and_shown() -> None:
    english, norwegian = (json.loads(file.read_text("utf-8")) for file in ARB)
    keys = {key for key in english if not key.startswith("@")}
    assert keys == {key for key in norwegian if not key.startswith("@")}
    shown = set(re.findall(r"\b(?:texts|AppLocalizations\.of\(context\))\.(\w+)", _lib()))
    assert shown - {"localeName"} == keys
    for key in keys:
        placeholders = set(re.findall(r"\{(\w+)\}", norwegian[key]))
        assert placeholders == set(re.findall(r"\{(\w+)\}", english[key])), key
        assert placeholders == norwegian.get(f"@{key}", {}).get("placeholders", {}).keys(), key


def test_every_kind_of_change_has_a_word() -> None:
    assert {f"'{kind}' =>" for kind in get_args(Kind)} <= set(
        re.findall(r"'\w+' =>", source("lib/pages/words.dart"))
    )


def _lib() -> str:
    return "".join(path.read_text("utf-8") for path in (APP / "lib").rglob("*.dart"))


def test_every_import_leads_somewhere() -> None:
    packages = set(re.findall(r"^  (\w+):", source("pubspec.yaml"), re.MULTILINE))
    for path in DART:
        for imported in re.findall(r"^import '([^']+)'", path.read_text("utf-8"), re.MULTILINE):
            scheme, _, rest = imported.partition(":")
            if scheme == "dart":
                continue
            package, _, inner = rest.partition("/")
            if scheme == "package" and package != "mentorcert_app":
                assert package in packages, (path, imported)
                continue
            file = APP / "lib" / inner if scheme == "package" else path.parent / imported
            # Flutter makes it of the .arb files.
            assert file.exists() or file.name == "app_localizations.dart", (path, imported)


def test_the_deep_link_is_one() -> None:
    link = re.search(r"deepLink = '([^']+)'", source("lib/registry.dart"))
    assert link is not None
    scheme, _, host = link[1].partition("://")
    assert f'android:scheme="{scheme}" android:host="{host}"' in source(
        "android/app/src/main/AndroidManifest.xml"
    )
    assert f"<string>{scheme}</string>" in source("ios/Runner/Info.plist")
    assert f'"{link[1]}"' in (ROOT / "supabase" / "config.toml").read_text("utf-8")
