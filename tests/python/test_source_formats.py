"""Records of every format, and the reasons for refusing one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from python_models.settings import SettingError
from python_models.source.dates import parse_date
from python_models.source.formats import parse, read_mapping
from python_models.source.texts import clean, write_json

CALL = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"instruction": "Add.", "input": "1+1", "output": "2"}, ("alpaca", "Add.\n\n1+1", "2", 1)),
        ({"instruction": "Add 1+1.", "input": " ", "output": "2"}, ("alpaca", "Add 1+1.", "2", 1)),
        ({"instruction": "Add 1+1.", "input": "<noinput>", "output": "2"}, ("alpaca", "Add 1+1.", "2", 1)),
        ({"instruction": "Add 1+1.", "input": None, "response": "2"}, ("alpaca", "Add 1+1.", "2", 1)),
        ({"instruction": "Sum up.", "context": "Text", "response": "T"}, ("alpaca", "Sum up.\n\nText", "T", 1)),
        ({"instruction": "Add 1+1.", "completion": "2"}, ("alpaca", "Add 1+1.", "2", 1)),
        ({"Instruction": "Add 1+1.", "Output": "2"}, ("alpaca", "Add 1+1.", "2", 1)),
        ({"prompt": "Hi", "response": "Hello"}, ("prompt-response", "Hi", "Hello", 1)),
        ({"prompt": "Hi", "completion": "Hello"}, ("prompt-completion", "Hi", "Hello", 1)),
        ({"question": "Hi", "answer": "Hello"}, ("question-answer", "Hi", "Hello", 1)),
        ({"query": "Hi", "response": "Hello"}, ("query-response", "Hi", "Hello", 1)),
        ({"input": "Hi", "output": "Hello"}, ("input-output", "Hi", "Hello", 1)),
        ({"instruction": b"from Parquet", "output": b"bytes"}, ("alpaca", "from Parquet", "bytes", 1)),
        ({"messages": None, "prompt": "Hi", "response": "Hello"}, ("prompt-response", "Hi", "Hello", 1)),
        (
            {
                "conversations": [
                    {"from": "system", "value": "Be kind."},
                    {"from": "human", "value": "Weather?"},
                    {"from": "function_call", "value": "{}"},
                    {"from": "observation", "value": "sun"},
                    {"from": "gpt", "value": "Sunny."},
                    {"from": "Human", "value": "Thanks"},
                    {"from": "chatgpt", "value": "Welcome"},
                ]
            },
            ("sharegpt", "Weather?\n\nThanks", "{}\n\nSunny.\n\nWelcome", 2),
        ),
        (
            {"conversation": [{"from": "user", "value": "Hi"}, {"from": "bard", "value": "Hello"}]},
            ("sharegpt", "Hi", "Hello", 1),
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "value": "b"}]},
                    {"role": "assistant", "content": None, "tool_calls": [CALL]},
                    {"role": "tool", "content": "rain"},
                    {"role": "assistant", "content": "Rain."},
                ]
            },
            ("messages", "a\nb", '{"name": "weather", "arguments": {"city": "Oslo"}}\n\nRain.', 1),
        ),
        (
            {"messages": '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]'},
            ("messages", "Hi", "Hello", 1),
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "Which animal?"}]},
                    {"role": "assistant", "content": "A cat."},
                ]
            },
            ("messages", "Which animal?", "A cat.", 1),
        ),
    ],
)
def test_formats_are_recognised_from_the_record(record: dict[str, Any], expected: tuple[str, str, str, int]) -> None:
    parsed = parse(record, {})
    assert parsed.error is None
    assert (parsed.format, parsed.instruction, parsed.response, parsed.n_turns) == expected


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"messages": [{"content": "x"}]}, "turn 1 has no role"),
        ({"messages": [["x", "y", "z"]]}, "turn 1 is not a pair of question and answer"),
        ({"messages": [{"role": "user", "content": b"\xff"}]}, "turn 1 is not text"),
        ({"messages": {"role": "user"}}, "conversation is not a list of turns"),
        (
            {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "x"}]},
            "turn 1 has no text",
        ),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "instruction is missing"),
        ({"prompt": [{"role": "user"}], "response": "x"}, "instruction is a list, not text"),
        ({"instruction": b"\xff", "output": "x"}, "instruction is bytes, not text"),
        ({"instruction": None, "input": "only input", "output": "x"}, "instruction is missing"),
        ([1], "unknown format: the record is a list, not an object"),
        ({f"k{i}": i for i in range(12)}, "unknown format: keys k0, k1, k2, k3, k4, k5, k6, k7, k8, k9"),
    ],
)
def test_reasons_are_short_and_stable(record: Any, reason: str) -> None:
    parsed = parse(record, {})
    assert parsed.error == reason
    assert (parsed.instruction, parsed.response, parsed.n_turns) == (None, None, None)


def test_a_column_mapping_comes_first_and_leaves_other_records_alone() -> None:
    mapping = read_mapping(" instruction = q, input=ctx ,response=a ")
    parsed = parse({"q": "Why?", "ctx": "Sky", "a": "Rayleigh", "instruction": "no", "output": "no"}, mapping)
    assert (parsed.format, parsed.instruction, parsed.response) == ("mapped", "Why?\n\nSky", "Rayleigh")
    assert parse({"q": "Why?", "a": None}, mapping).error == "response is missing"
    assert parse({"instruction": "Add 1+1.", "output": "2"}, mapping).format == "alpaca"
    assert read_mapping("") == {}


@pytest.mark.parametrize("setting", ["question", "instruction=q", "prompt=q,response=a", "instruction=,response=a",
                                     "instruction=a,instruction=b,response=c"])  # fmt: skip
def test_a_column_mapping_that_cannot_be_read_is_refused(setting: str) -> None:
    with pytest.raises(SettingError, match="instruction=question, input=context, response=answer"):
        read_mapping(setting)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" a\r\nb\rc \n", "a\nb\nc"),
        ("a\0b", "ab"),
        ("\ufeffmark", "mark"),
        ("x\ud83dy", "xy"),
        ("e\u0301 😀", "é 😀"),
        ("\0 \ufeff\n", ""),
    ],
)
def test_clean_removes_what_databases_refuse_and_nothing_else(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_the_record_is_kept_whole_as_json_that_every_reader_takes() -> None:
    record = {"a": "nul\0 \\u0000 \\\0 \ud800😀", "b": float("nan"), "c": [float("inf"), 1.5], "d": date(2024, 1, 2)}
    text = write_json(record)
    assert json.loads(text) == {"a": "nul \\u0000 \\ 😀", "b": None, "c": [None, 1.5], "d": "2024-01-02"}
    assert "NaN" not in text
    record = {"instruction": "Add.", "output": "2", "tools": [1, {"x": None}], "system": "s"}
    assert json.loads(parse(record, {}).conversation_json) == record


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-03-05", date(2024, 3, 5)),
        ("2024-03-05T23:30:00-02:00", date(2024, 3, 6)),
        ("2024-03-05 23:30:00.123Z", date(2024, 3, 5)),
        (1_709_600_000, date(2024, 3, 5)),
        (1_709_600_000_123, date(2024, 3, 5)),
        ("1709600000", date(2024, 3, 5)),
        (1_709_600_000.5, date(2024, 3, 5)),
        (datetime(2024, 3, 5, 1, tzinfo=UTC), date(2024, 3, 5)),
        (date(2024, 3, 5), date(2024, 3, 5)),
        ("5 March 2024", None),
        ("2024", None),
        ("2024-13-45", None),
        ("20240305", None),
        (2024, None),
        (float("nan"), None),
        (True, None),
        (None, None),
        (["2024-03-05"], None),
    ],
)
def test_dates_are_read_strictly(value: Any, expected: date | None) -> None:
    assert parse_date(value) == expected


def test_a_field_that_is_no_date_is_passed_over_for_the_next() -> None:
    record = {"instruction": "a", "output": "b", "date": "soon", "created": "2023-07-01"}
    assert parse(record, {}).ingested_on == date(2023, 7, 1)
