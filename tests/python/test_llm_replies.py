"""Reading replies: what can be read safely is read, anything else is refused by type; nothing is guessed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.llm.replies import InvalidReply, parse_scores, parse_tags, read_json_object

SCORES = '{"first_score": 85, "second_score": 40}'


@pytest.mark.parametrize(
    "text",
    [
        SCORES,
        f"\ufeff  {SCORES}\n",
        f"```json\n{SCORES}\n```",
        f"```\n{SCORES}```",
        f"Here you are:\n```JSON\n{SCORES}\n```\nAnything else?",
        f"Sure! {SCORES} I hope it helps.",
        '{"first_score": 85, "second_score": 40,}',
        "{“first_score”: 85, “second_score”: 40}",
        '{"first_score": "85", "second_score": " 40 "}',
        '{"first_score": 85.0, "second_score": "40.0"}',
        "{'first_score': 85, 'second_score': 40}",
        "{first_score: 85, second_score: 40}",
        '{"reason": "both {good} ]", "first_score": 85, "second_score": 40}',
        '// judged\n{"first_score": 85, /* better */ "second_score": 40}',
    ],
)
def test_scores_that_can_be_read_safely_are_read(text: str) -> None:
    assert parse_scores(text) == (85, 40)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty_reply"),
        (" \n", "empty_reply"),
        ("The first one is better.", "invalid_json"),
        ("85, 40", "invalid_json"),
        ("85", "not_an_object"),
        ("[85, 40]", "not_an_object"),
        ('{"first_score": 85}', "missing_key"),
        ('{"first_score": 85, "second_score": null}', "invalid_value"),
        ('{"first_score": 85, "second_score": true}', "invalid_value"),
        ('{"first_score": 85, "second_score": NaN}', "invalid_value"),
        ('{"first_score": 85, "second_score": Infinity}', "invalid_value"),
        ('{"first_score": 85, "second_score": -Infinity}', "invalid_value"),
        ('{"first_score": 85, "second_score": "NaN"}', "invalid_value"),
        ('{"first_score": 85, "second_score": 40.5}', "invalid_value"),
        ('{"first_score": 85, "second_score": "40.5"}', "invalid_value"),
        ('{"first_score": 85, "second_score": "40/100"}', "invalid_value"),
        ('{"first_score": 85, "second_score": "forty"}', "invalid_value"),
        ('{"first_score": 85, "second_score": [40]}', "invalid_value"),
        ('{"first_score": 85, "second_score": {"score": 40}}', "invalid_value"),
        ('{"first_score": 85, "second_score": 0}', "out_of_range"),
        ('{"first_score": 101, "second_score": 40}', "out_of_range"),
        ('{"first_score": -3, "second_score": 40}', "out_of_range"),
        ('{"first_score": 85, "second_score": 1e300}', "out_of_range"),
        ('{"first_score": 85, "second_score": ' + "9" * 400 + "}", "out_of_range"),
        ('{"first_score": 85, "second_score": 4', "truncated"),
        ('{"first_score": 8', "truncated"),
        ('{"first_score": 85, "second_score": "4', "truncated"),
        ("```json\n" + '{"first_score": 85, "second_sc', "truncated"),
        ("[" * 100_000, "truncated"),
    ],
)
def test_scores_that_cannot_be_read_safely_are_refused_by_type(text: str, kind: str) -> None:
    with pytest.raises(InvalidReply) as caught:
        parse_scores(text)
    assert caught.value.kind == kind
    assert len(str(caught.value)) < 600


@given(st.text(max_size=60))
def test_any_prefix_of_a_reply_gives_its_scores_or_none(noise: str) -> None:
    """However a reply is cut, no other scores come out than those it holds."""
    text = json.dumps({"reason": noise, "first_score": 85, "second_score": 40}, ensure_ascii=False)
    for end in range(len(text) + 1):
        try:
            assert parse_scores(text[:end]) == (85, 40)
        except InvalidReply:
            continue


@given(st.text(alphabet='{}[]":,0123456789 abc“”`\n\\', max_size=80))
def test_no_text_breaks_the_parsers(text: str) -> None:
    """A parser returns or raises InvalidReply, whatever comes."""
    for parse in (parse_scores, parse_tags):
        try:
            parse(text)
        except InvalidReply:
            continue


def test_tags_are_numbered_stripped_and_deduplicated() -> None:
    reply = {
        "tags": [
            {"tag": "  Translation ", "explanation": " into French "},
            {"tag": ""},
            "poem",
            {"tag": "poem"},
            {"tag": "Poem", "explanation": None},
            {"tag": "x" * 150, "explanation": 7},
        ]
    }
    assert parse_tags(json.dumps(reply)) == [
        {"tag_position": 1, "raw_tag": "Translation", "explanation": "into French"},
        {"tag_position": 2, "raw_tag": "poem", "explanation": None},
        {"tag_position": 3, "raw_tag": "Poem", "explanation": None},
        {"tag_position": 4, "raw_tag": "x" * 100, "explanation": None},
    ]


def test_a_list_of_tags_without_its_object_is_read() -> None:
    assert [tag["raw_tag"] for tag in parse_tags('["a", "b"]')] == ["a", "b"]


def test_at_most_thirty_tags_are_kept() -> None:
    assert len(parse_tags(json.dumps({"tags": [str(number) for number in range(50)]}))) == 30


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"labels": ["a"]}', "missing_key"),
        ('{"tags": "a, b"}', "invalid_value"),
        ('{"tags": [1]}', "invalid_value"),
        ('{"tags": [{"name": "a"}]}', "missing_key"),
        ('{"tags": [{"tag": null}]}', "invalid_value"),
        ('{"tags": []}', "empty_reply"),
        ('{"tags": [" "]}', "empty_reply"),
        ('{"tags": [{"tag": "pyth', "truncated"),
        ('{"tags": [{"tag": "python"}', "truncated"),
    ],
)
def test_unusable_tags_are_refused_by_type(text: str, kind: str) -> None:
    with pytest.raises(InvalidReply) as caught:
        parse_tags(text)
    assert caught.value.kind == kind


def test_the_first_object_counts() -> None:
    assert read_json_object('{"a": 1} {"a": 2}') == {"a": 1}
