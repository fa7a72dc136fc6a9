"""Reading replies: what can be read safely is read, anything else is refused by type; nothing is guessed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.llm.replies import InvalidReply, parse_scores, parse_tags

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


@pytest.mark.parametrize("draft", ['{"first_score": 50, "second_score": 50}', '```json\n{"first_score": 50}\n```'])
def test_a_draft_that_is_all_of_the_reasoning_is_no_answer(draft: str) -> None:
    assert parse_scores(f"{draft}\n</think>\n\n{SCORES}") == parse_scores(SCORES)
    assert parse_scores(f"{SCORES}</think>") == parse_scores(SCORES)


@pytest.mark.parametrize(
    "mark", ["</think>", "</Thinking>", "</reasoning>", "[/THINK]", "◁/think▷", "<|END_THINKING|>"]
)
@pytest.mark.parametrize("opener", ["<think>\n", ""])
def test_the_answer_is_what_follows_the_reasoning(mark: str, opener: str) -> None:
    draft = (
        'First guess: {"first_score": 50, "second_score": 50}, or ```json\n{"first_score": 9, "second_score": 9}```\n'
    )
    assert parse_scores(f"{opener}{draft}{mark}\n\n{SCORES}") == (85, 40)
    assert parse_scores(f"{opener}{draft}{mark} then {draft}{mark}```json\n{SCORES}\n```") == (85, 40)
    tags = f'{opener}Perhaps {{"tags": ["draft"]}}?{mark}{{"tags": ["final"]}}'
    assert [tag["raw_tag"] for tag in parse_tags(tags)] == ["final"]


@pytest.mark.parametrize(
    "text",
    [
        "<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>final<|message|>{answer}<|return|>",
        "<|channel|>analysis<|message|>{draft}<|end|><|channel|>final <|constrain|>json<|message|>{answer}",
        "analysisMaybe {draft}.assistantfinal{answer}",
        "<|channel>thought\n{draft}<channel|>{answer}",
    ],
)
def test_the_answer_is_what_stands_in_the_final_channel(text: str) -> None:
    draft = '{"first_score": 50, "second_score": 50}'
    assert parse_scores(text.replace("{draft}", draft).replace("{answer}", SCORES)) == (85, 40)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"<think>\nperhaps {SCORES}", "truncated"),
        (f"<|channel|>analysis<|message|>perhaps {SCORES}<|end|>", "truncated"),
        (f"analysisPerhaps {SCORES}", "truncated"),
        (f"<think>{SCORES}</think>", "empty_reply"),
        (f"<think>a</think>{SCORES}<think>or rather", "truncated"),
        ('First {"first_score": 50, "second_score": 50}, no: ' + SCORES, "invalid_json"),
        (
            '```json\n{"first_score": 50, "second_score": 50}\n```\nBetter:\n```json\n' + SCORES + "\n```",
            "invalid_json",
        ),
        ('{"first_score": 50, "first_score": 85, "second_score": 40}', "invalid_json"),
        (SCORES + " {first_score: 50, second_score: 40}", "invalid_json"),
        (SCORES + ' or {"first_score": 8', "truncated"),
    ],
)
def test_a_draft_is_no_answer(text: str, kind: str) -> None:
    with pytest.raises(InvalidReply) as caught:
        parse_scores(text)
    assert caught.value.kind == kind


def test_an_answer_may_be_said_twice_and_prose_may_have_brackets() -> None:
    assert parse_scores(f"Both {{good}} [1] of $x_{{2}}$: {SCORES}. Again:\n```json\n{SCORES}\n``` [see 2]") == (85, 40)
    assert parse_scores(f'The scheme {{"scale": 100}} gives {SCORES}') == (85, 40)


def test_a_mark_inside_a_string_ends_no_reasoning() -> None:
    assert parse_scores('{"why": "</think> {\'first_score\': 1}", "first_score": 85, "second_score": 40,}') == (85, 40)


@pytest.mark.parametrize(
    "score",
    ["1 00", "7*10", "80 or 85", ">90", "~90", "80-90", "90%", "8_5", "085", "+85", "85.", "0x55", "8e", "80/100",
     "1,00", "85 85", "eighty", "85 points", "(85)", "<85>", "85 + 1", "$85", "8 5", "-", "", "1 . 5", "85!", "85°"],
)  # fmt: skip
def test_repair_never_makes_a_number(score: str) -> None:
    for text in (f'{{"first_score": {score}, "second_score": 40}}', f"{{'second_score': 40, 'first_score': {score},}}"):
        with pytest.raises(InvalidReply) as caught:
            parse_scores(text)
        assert caught.value.kind == "invalid_json"
    with pytest.raises(InvalidReply):
        parse_scores(json.dumps({"first_score": score if score != "+85" else "+85.5", "second_score": 40}))


@given(st.text(alphabet="0123456789 .,*+-/eE_x'\"or\n", min_size=1, max_size=6))
def test_a_score_that_is_read_stands_there_as_one_number(written: str) -> None:
    try:
        first, _ = parse_scores(f'{{"first_score": {written}, "second_score": 40}}')
    except InvalidReply:
        return
    number = written.split(",")[0].strip().strip("'\"").strip()
    assert float(number) == first


@pytest.mark.parametrize(
    "tag",
    ["...", "…", "-", "tag", "Tag", "<tag>", "tag1", "tag 2", "tag_name", "your tag here", "string", "none", "N/A"],
)
def test_a_placeholder_is_no_tag(tag: str) -> None:
    with pytest.raises(InvalidReply, match="empty_reply: no tag in"):
        parse_tags(json.dumps({"tags": [{"tag": tag}]}))
    assert [entry["raw_tag"] for entry in parse_tags(json.dumps({"tags": ["html tag", tag]}))] == ["html tag"]


@pytest.mark.parametrize(
    "tag",
    ["I'm sorry, but I cannot help with that.", "I can’t assist", "As an AI model", "unable to comply", "Sorry, no"],
)
def test_a_refusal_is_no_tag(tag: str) -> None:
    with pytest.raises(InvalidReply, match=r"^refused: "):
        parse_tags(json.dumps({"tags": ["request", tag]}))


def test_tags_about_apologies_and_tags_are_tags() -> None:
    tags = ["apology letter", "tagging", "price tag", "c++", "stringing", "null hypothesis", "saying sorry", "可以"]
    assert [entry["raw_tag"] for entry in parse_tags(json.dumps({"tags": tags}))] == tags


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "[{" * 100_000, '{"tags": ' + "[" * 900 + "]" * 900 + "}"])
def test_a_reply_nested_too_deeply_is_refused(text: str) -> None:
    for parse in (parse_scores, parse_tags):
        with pytest.raises(InvalidReply):
            parse(text)
    with pytest.raises(InvalidReply):
        parse_scores(text + text)
