"""Sentences keep their template and values, in copies and in JSON, and can be said in another language."""

import copy
import json

from mentorcert.translatable import LazyText, pack, say

NORWEGIAN = {"“{}”: {}": "{1} («{0}»)", "it is empty": "er tom"}


def test_a_sentence_is_its_text() -> None:
    sentence = LazyText("“{}”: {}", "a{b}", LazyText("it is empty"))
    assert sentence == "“a{b}”: it is empty"
    assert copy.deepcopy(sentence).values == sentence.values
    assert json.loads(json.dumps(sentence)) == str(sentence)


def test_a_sentence_without_values_may_hold_braces() -> None:
    assert LazyText("{}") == "{}"


def test_what_is_packed_can_be_said_in_another_language() -> None:
    packed = json.loads(json.dumps(pack(LazyText("“{}”: {}", "it is {}", LazyText("it is empty")))))
    assert say(packed, lambda text: NORWEGIAN.get(text, text)) == "er tom («it is {}»)"
    assert say(pack("it is empty"), NORWEGIAN.__getitem__) == "er tom"


def test_what_postgres_cannot_keep_is_replaced() -> None:
    assert pack(LazyText("“{}”", "a\0b")) == {"template": "“{}”", "values": ["a\N{REPLACEMENT CHARACTER}b"]}
