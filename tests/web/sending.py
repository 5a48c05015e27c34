"""Forms as a browser sends them: read from a page, with something typed into each field, one for each button."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

from fastapi.testclient import TestClient
from httpx2 import Response

TYPED: Final = 'Skrevet "her" <b> & der æøå'
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass
class Form:
    """A form of a page: what it carries, what can be typed, and its buttons."""

    method: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    typable: set[str] = field(default_factory=set)
    required: set[str] = field(default_factory=set)
    buttons: list[Mapping[str, str]] = field(default_factory=list)
    has_file: bool = False


@dataclass(frozen=True)
class Sending:
    """A form, sent by one of its buttons."""

    action: str
    fields: tuple[tuple[str, str], ...]
    typable: frozenset[str]
    required: frozenset[str]
    has_file: bool

    @property
    def kind(self) -> tuple[str, ...]:
        """What it has in common with the same form on another page."""
        step = [f"{name}={value}" for name, value in self.fields if name in {"action", "step", "then"}]
        names = sorted({name for name, _ in self.fields} - {"form"})
        return (_ID.sub("…", urlsplit(self.action).path), *step, *names)

    def filled(self, text: str | None = None) -> list[tuple[str, str]]:
        """Return the fields: `text` in all that can be typed, or something in those that must have it."""
        return [
            (
                name,
                text
                if text and name in self.typable
                else value or ("x" if name in self.required and name in self.typable else ""),
            )
            for name, value in self.fields
            if name != "form"
        ]

    def send(self, client: TestClient, fields: list[tuple[str, str]], token: str, **headers: str) -> Response:
        """Send it as a browser does; a file comes along where one can be chosen."""
        data: dict[str, list[str]] = {"form": [token]}
        for name, value in fields:
            data.setdefault(name, []).append(value)
        files = {"file": ("list.csv", b"x")} if self.has_file else None
        return client.post(
            self.action, data=data, files=files, headers={"sec-fetch-site": "same-origin", **headers}
        )


class _Reader(HTMLParser):
    def __init__(self, here: str) -> None:
        super().__init__()
        self.here = here
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._text: tuple[str, str] | None = None
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self._boxes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given and "download" not in given:
            self.links.append(urljoin(self.here, given["href"]))
        if tag == "form":
            self._form = Form(
                given.get("method", "get"), urljoin(self.here, given.get("action") or self.here)
            )
            self.forms.append(self._form)
            self._boxes = set()
        if self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: Mapping[str, str]) -> None:
        name = given.get("name", "")
        if "required" in given:
            form.required.add(name)
        if tag == "button":
            form.buttons.append(given)
        elif tag == "input":
            self._input(form, name, given.get("type", "text"), given)
        elif tag == "textarea":
            self._text = (name, "")
            form.typable.add(name)
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option" and self._select is not None:
            self._options.append((given.get("value", ""), "selected" in given))

    def _input(self, form: Form, name: str, kind: str, given: Mapping[str, str]) -> None:
        if kind == "file":
            form.has_file = True
        elif kind not in {"checkbox", "radio"}:
            form.fields.append((name, given.get("value", "")))
            if kind != "hidden":
                form.typable.add(name)
        # Of several the one that is chosen, or the first.
        elif "checked" in given or name not in self._boxes:
            if kind == "radio":
                form.fields = [pair for pair in form.fields if pair[0] != name]
            form.fields.append((name, given.get("value", "on")))
        self._boxes.add(name)

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text = (self._text[0], self._text[1] + data)

    def handle_endtag(self, tag: str) -> None:
        if self._form is None:
            return
        if tag == "textarea" and self._text is not None:
            name, text = self._text
            self._form.fields.append((name, text.removeprefix("\n")))
            self._text = None
        elif tag == "select" and self._select is not None:
            chosen = [value for value, is_chosen in self._options if is_chosen]
            first = [value for value, _ in self._options][:1]
            self._form.fields.extend((self._select, value) for value in chosen or first)
            self._select = None
        elif tag == "form":
            self._form = None


def read(html: str, here: str) -> tuple[list[Sending], list[str]]:
    """Return what can be sent from a page, and where its links lead."""
    reader = _Reader(here)
    reader.feed(html)
    return [one for form in reader.forms if form.method == "post" for one in _sendings(form)], reader.links


def _sendings(form: Form) -> Iterator[Sending]:
    for button in form.buttons:
        pressed = [(button["name"], button.get("value", ""))] if "name" in button else []
        yield Sending(
            urldefrag(urljoin(form.action, button.get("formaction") or form.action)).url,
            (*form.fields, *pressed),
            frozenset(form.typable),
            frozenset(form.required),
            form.has_file,
        )
