"""How texts, days and numbers are written in templates: escaped once, and looked up once."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from markupsafe import Markup

from mentorcert.translations import Language, translations
from mentorcert.web.rendering import templating
from mentorcert.web.rendering.templating import day_of, environment, last_valid_day


def written(source: str, language: Language = "en", **values: Any) -> str:
    return environment(language).from_string(source).render(**values)


def test_values_are_escaped_and_texts_are_not() -> None:
    hostile = "<b>'Åse' & \"co\"</b>"
    escaped = "&lt;b&gt;&#39;Åse&#39; &amp; &#34;co&#34;&lt;/b&gt;"
    assert written("{{ _('a & %(name)s', name=name) }}", name=hostile) == f"a & {escaped}"
    assert written("{{ _('a & %(name)s', name=name) }}", name=Markup("<i>b</i>")) == "a & <i>b</i>"
    assert written("{{ _('100 %%') }} {{ _('%(share)s %%', share=5) }}") == "100 % 5 %"
    assert (
        written("{% set label = _('a & b') %}{{ label }} {{ name ~ label }}", name="<") == "a & b &lt;a & b"
    )


@pytest.mark.parametrize(("number", "text"), [(1, "1 row of <i>x</i>"), (2, "2 rows of <i>x</i>")])
def test_the_number_is_filled_in(number: int, text: str) -> None:
    source = "{{ ngettext('%(num)d row of %(of)s', '%(num)s rows of %(of)s', number, of=of) }}"
    assert written(source, number=number, of=Markup("<i>x</i>")) == text
    assert written("{{ ngettext('%(num)s', '%(num)s rows', 2, num='many') }}") == "many rows"


def test_each_language_has_its_texts() -> None:
    assert written("{{ _('Status') }} {{ _('Status') }}", "nb") == "Status Status"
    assert (
        written("{{ _('Overview') }}", "nb")
        == translations("nb").gettext("Overview")
        != written("{{ _('Overview') }}")
    )


def test_what_templates_call_is_there() -> None:
    """A template that calls what is missing would fail where somebody comes to it."""
    environments = [environment(language) for language in ("nb", "en")]
    for name in environments[0].list_templates():
        source = (templating.TEMPLATES / name).read_text()
        called = {*re.findall(r"\b(_|\w*gettext|static|kept_options)\(", source)}
        filters = {*re.findall(r"\|\s*(day|last_day|moment|status|number|cells|course_day)\b", source)}
        for one in environments:
            assert called <= one.globals.keys(), name
            assert filters <= one.filters.keys(), name


def test_a_text_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows write it."""
    asked: list[str] = []

    def gettext(text: str) -> str:
        asked.append(text)
        return text

    monkeypatch.setattr(translations("en"), "gettext", gettext)
    fresh = templating.environment.__wrapped__("en")
    source = fresh.from_string("{% for row in range(50) %}{{ _('Choose') }}{% endfor %}")
    assert source.render() == source.render() == "Choose" * 50
    assert asked == ["Choose"]


def test_a_midnight_is_a_day_once() -> None:
    """By the clock of the organisation; the instant in which a day ends belongs to the day before."""
    midnight = datetime(2031, 6, 14, 22, tzinfo=UTC)
    before = day_of.cache_info().misses
    for _ in range(50):
        assert str(day_of(midnight, "Europe/Oslo")) == "2031-06-15"
        assert str(last_valid_day(midnight, "Europe/Oslo")) == "2031-06-14"
    assert day_of.cache_info().misses == before + 2
    assert str(day_of(midnight, "UTC")) == "2031-06-14"
    assert str(day_of(midnight - timedelta(microseconds=1), "Europe/Oslo")) == "2031-06-14"


def test_cells_are_numbers_of_the_language() -> None:
    assert written("{{ [1, 2345]|cells }}", "nb") == "<td>1</td><td>2\N{NO-BREAK SPACE}345</td>"
    assert written("{{ [1, 2345]|cells }}") == "<td>1</td><td>2,345</td>"
