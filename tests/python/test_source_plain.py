"""The short way of the plainest records and turns makes exactly what the general way makes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from python_models.source import conversations
from python_models.source.formats import parse, parse_any
from python_models.source.names import CONVERSATION_FIELDS, KNOWN_FIELDS
from python_models.source.plain import read_plain

ODD_TEXTS = ("", " ", "[1]", " [x", "<noinput>", "N/A", "<no output>", "\0", "\ud800", "\ufeff", "    code", "a\r\nb",
             "e\u0301", '[{"role": "user", "content": "Q"}]', "\n\nHuman: Q\n\nAssistant: A")  # fmt: skip
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=5) | st.just("Say one.")
TURNS = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant", "system", "tool", "function_call", "Human", "narrator", ""]),
            "content": TEXTS | st.none() | st.just([{"type": "text", "text": "x"}]),
        },
        optional={"weight": st.sampled_from([0, 1])},
    )
    | st.fixed_dictionaries({"from": st.sampled_from(["human", "gpt", "system", "role"]), "value": TEXTS}),
    max_size=5,
)
VALUES = TEXTS | TEXTS | st.sampled_from([None, 42, True, [], ["a"], ["a", "b"], {"text": "a"}, float("nan")]) | TURNS
NAMES = [
    *sorted(KNOWN_FIELDS),
    "id",
    "Instruction",
    "OUTPUT",
    "date",
    "created_at",
    "A",
    "B",
    "user",
    "bot",
    "segments",
]
COLUMNS = st.dictionaries(
    st.sampled_from(["instruction", "input", "output", "prompt", "response", "question", "answer", "context", "id"])
    | st.sampled_from(NAMES),
    VALUES,
    max_size=4,
)
CONVERSATIONS = st.builds(
    lambda name, turns: {"id": "1", name: turns}, st.sampled_from(sorted(CONVERSATION_FIELDS)), TURNS
)


@example(record={"prompt": '[{"role": "user", "content": "Q"}]', "completion": "A"})
@example(record={"prompt": "Q", "completion": "<no output>"})
@example(record={"instruction": "Q", "input": " N/A ", "output": "A"})
@given(record=COLUMNS | CONVERSATIONS)
@settings(max_examples=600, deadline=None)
def test_the_short_way_reads_what_the_general_way_reads(record: dict[str, Any]) -> None:
    short = parse(record, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversations, "read_plain_turn", lambda _: None)
        assert repr(short) == repr(parse_any(record, {}))


@pytest.mark.parametrize(
    "record",
    [
        {"instruction": "I", "input": "", "output": "O", "id": 3},
        {"question": "Q", "context": "C", "answer": "A"},
        {"Prompt": "Q", "Response": "A"},
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}] * 2
         + [{"role": "assistant", "content": "A"}]},
        {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
    ],
)  # fmt: skip
def test_the_common_records_take_the_short_way(record: dict[str, Any]) -> None:
    assert read_plain(record) is not None
