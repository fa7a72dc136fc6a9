"""One record at a time: what a careful person would make of it, or the reason that person would sign."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from python_models.source.formats import parse
from python_models.source.records import read_records


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def assistant(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


def human(value: Any) -> dict[str, Any]:
    return {"from": "human", "value": value}


def gpt(value: Any) -> dict[str, Any]:
    return {"from": "gpt", "value": value}


def sample(record: dict[str, Any]) -> tuple[str | None, str | None] | str:
    """Instruction and response, or the reason for refusing the record."""
    parsed = parse(record, {})
    return parsed.error or (parsed.instruction, parsed.response)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            {"instruction": "Yes or no?", "question": "Is ice cold?", "answer": "yes"},
            ("Yes or no?\n\nIs ice cold?", "yes"),
        ),
        ({"prompt": "Translate.", "query": "ja", "response": "yes"}, ("Translate.\n\nja", "yes")),
        ({"question": "Q?", "options": ["x", "y"], "answer": "y"}, ("Q?\n\nx\ny", "y")),
        ({"question": "Q?", "choices": ["x", "y"], "answer": "B"}, ("Q?\n\nA. x\nB. y", "B")),
        ({"question": "Q?", "choices": ["x", "y"], "answer": 1}, ("Q?\n\nx\ny", "y")),
        ({"question": "Q?", "choices": ["x", "y"], "answer": 2}, ("Q?\n\nx\ny", "y")),
        (
            {"question": "Q?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answer": "2"},
            ("Q?\n\n1. x\n2. y", "2"),
        ),
        ({"question": "Q?", "A": "x", "B": "y", "answer": "B"}, ("Q?\n\nA. x\nB. y", "B")),
        ({"question": "Q?", "options": [{"label": "A", "text": "x"}], "answer": "A"}, ("Q?\n\nA. x", "A")),
        ({"passage": "P.", "question": "Q?", "answer": True}, ("Q?\n\nP.", "true")),
        ({"premise": "P.", "hypothesis": "H.", "question": "Q?", "answer": "A"}, ("Q?\n\nP.\n\nH.", "A")),
        ({"document": "D.", "question": "Q?", "answer": "A"}, ("Q?\n\nD.", "A")),
        ({"question": "Q?", "opa": "x", "opb": "y", "answer": "B"}, ("Q?\n\nA. x\nB. y", "B")),
        ({"question": "Q?", "correct_answer": "A", "distractor1": "B"}, ("Q?", "A")),
        ({"prompt": "Say: Is it?", "question": "Is it?", "response": "yes"}, ("Say: Is it?", "yes")),
        ({"instruction": "Add.", "input": "1", "prompt": "### Instruction: Add.", "output": "2"}, ("Add.\n\n1", "2")),
    ],
)
def test_1_every_field_that_asks_something_is_in_the_instruction(record: dict[str, Any], expected: Any) -> None:
    assert sample(record) == expected


CUT = [human("A?"), gpt("a"), human("B?")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"conversations": CUT, "chosen": gpt("b"), "rejected": gpt("x")}, ("A?\n\nB?", "a\n\nb")),
        ({"conversations": CUT[:1], "chosen": gpt("b"), "rejected": gpt("x")}, ("A?", "b")),
        ({"messages": [user("A?")], "completion": "b"}, ("A?", "b")),
        ({"conversations": CUT}, ("A?", "a")),
        ({"conversations": CUT[:1]}, "response is missing"),
        ({"conversations": [*CUT[:2], human("B?"), {"from": "observation", "value": "x"}]}, ("A?", "a")),
        ({"conversation": [{"human": "A?", "assistant": "a"}, {"human": "B?", "assistant": ""}]}, ("A?", "a")),
    ],
)
def test_2_a_turn_that_nobody_answers_is_left_out(record: dict[str, Any], expected: Any) -> None:
    assert sample(record) == expected


@pytest.mark.parametrize(
    "history",
    [
        [["20 C in F?", "68"]],
        [user("20 C in F?"), assistant("68")],
        [{"human": "20 C in F?", "assistant": "68"}],
        '[["20 C in F?", "68"]]',
        ["20 C in F?", "68"],
        [{"question": "20 C in F?", "answer": "68"}],
    ],
)
def test_3_the_history_comes_first(history: Any) -> None:
    parsed = parse({"instruction": "And in kelvin?", "output": "293", "history": history}, {})
    assert (parsed.instruction, parsed.response, parsed.n_turns) == ("20 C in F?\n\nAnd in kelvin?", "68\n\n293", 2)


@pytest.mark.parametrize("field", ["chat_history", "past_conversation", "previous_messages", "dialog_history"])
def test_3_the_history_has_many_names(field: str) -> None:
    assert sample({"prompt": "B", "response": "b", field: [user("A"), assistant("a")]}) == ("A\n\nB", "a\n\nb")


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ("we talked", "history: it is a text, not a list of turns"),
        ([["a", "b", "c"]], "history: turn 1 is not a pair of question and answer"),
    ],
)
def test_3_a_history_that_cannot_be_read_is_refused(history: Any, reason: str) -> None:
    assert sample({"instruction": "a", "output": "b", "history": history}) == reason


@pytest.mark.parametrize("empty", [None, "", " \n", [], {}, float("nan"), [None], {"role": None}])
def test_6_empty_means_absent(empty: Any) -> None:
    filled = {"prompt": "Say two.", "response": "two"}
    assert sample({"instruction": empty, "output": empty} | filled) == ("Say two.", "two")
    assert sample({"conversations": empty, "messages": empty, "history": empty, "system": empty} | filled) == (
        "Say two.",
        "two",
    )


@pytest.mark.parametrize("written", ["[]", "{}", "null", " None ", "nan"])
def test_6_a_table_writes_nothing_in_many_ways(written: str) -> None:
    record = {"prompt": "Q", "completion": "A", "messages": written, "history": written, "system": written}
    assert parse(record, {})[1:3] == ("Q", "A")
    assert parse(record, {}).system_prompt is None


@pytest.mark.parametrize("invisible", ["\u200b", "\ufeff", "\0", " \u2060\n", "\u200d\u200b"])
def test_6_a_text_that_shows_nothing_is_empty(invisible: str) -> None:
    assert sample({"prompt": "Q", "output": invisible, "response": "A"}) == ("Q", "A")
    assert sample({"messages": [user("Q"), assistant(invisible)]}) == "turn 2 has no text"


@pytest.mark.parametrize("filler", [None, {}, [], {"role": None, "content": None}])
def test_7_what_fills_a_list_of_turns_up_is_no_turn(filler: Any) -> None:
    assert sample({"messages": [user("Q"), filler, assistant("A"), filler]}) == ("Q", "A")


def test_6_what_is_empty_in_a_table_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("instruction,output,prompt,response\n,,Say two.,two\n")
    (batch,) = read_records(str(tmp_path / "a.csv"), "")
    assert batch.to_pylist()[0]["response"] == "two"


@pytest.mark.parametrize(
    "turn",
    [
        {"from": None, "value": None, "role": "user", "content": "a"},
        {"role": None, "content": None, "from": "human", "value": "a"},
        {"from": "some-id", "role": "user", "value": "", "content": "a"},
    ],
)
def test_7_a_null_key_does_not_hide_its_alias(turn: dict[str, Any]) -> None:
    assert sample({"conversations": [turn, gpt("b")]}) == ("a", "b")


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ({"role": "assistant", "text": "b"}, ("a\n\nc", "b\n\nd")),
        ({"role": "assistant", "txet": "b"}, "turn 2 has no text"),
        (
            {"role": "assistant", "content": [{"type": "audio", "id": "1"}]},
            "turn 2 has no text, only parts of other kinds",
        ),
        ({"role": "assistant", "content": "  "}, "turn 2 has no text"),
        ({"role": "narrator", "content": "b"}, "turn 2 has the unknown role 'narrator'"),
        ({"content": "b"}, "turn 2 has no role"),
    ],
)
def test_8_no_turn_vanishes(turn: dict[str, Any], expected: Any) -> None:
    assert sample({"messages": [user("a"), turn, user("c"), assistant("d")]}) == expected


def test_8_several_conversations_are_not_one() -> None:
    inner = [user("a"), assistant("b")]
    assert sample({"messages": [inner, inner]}) == "conversation is a list of several conversations"
    assert sample({"messages": [inner]}) == ("a", "b")


CALL = '{"name": "weather", "arguments": {"city": "Oslo"}}'
OPENAI_CALL = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
USED = [
    [user("Q"), assistant([{"type": "tool_use", "id": "1", "name": "weather", "input": {"city": "Oslo"}}]),
     user([{"type": "tool_result", "tool_use_id": "1", "content": "15"}]),
     assistant([{"type": "text", "text": "15!"}])],
    [user("Q"), assistant(None, tool_calls=[OPENAI_CALL]), {"role": "tool", "content": "15"}, assistant("15!")],
    [user("Q"), assistant("", function_call=OPENAI_CALL["function"]), {"role": "function", "content": "15"},
     assistant("15!")],
    [human("Q"), {"from": "function_call", "value": CALL}, {"from": "observation", "value": "15"}, gpt("15!")],
    [user("Q"), {"type": "function_call", "name": "weather", "arguments": '{"city": "Oslo"}'},
     {"type": "function_call_output", "output": "15"}, assistant([{"type": "output_text", "text": "15!"}])],
    [{"role": "user", "parts": [{"text": "Q"}]},
     {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}]},
     {"role": "user", "parts": [{"functionResponse": {"name": "weather"}}]},
     {"role": "model", "parts": [{"text": "15!"}]}],
    [user("Q"), {"role": "tool_call", "content": CALL}, {"role": "tool_response", "content": "15"}, assistant("15!")],
]  # fmt: skip


@pytest.mark.parametrize("turns", USED)
def test_9_a_call_is_the_same_in_the_words_of_every_vendor(turns: list[Any]) -> None:
    parsed = parse({"messages": turns}, {})
    assert (parsed.error, parsed.instruction, parsed.response, parsed.n_turns) == (None, "Q", f"{CALL}\n\n15!", 1)


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [user([{"type": "input_text", "text": "Q"}]), assistant([{"type": "output_text", "text": "A"}])]},
        {"conversations": [{"human": "Q", "assistant": "A"}]},
        {"conversation": [{"input": "Q", "output": "A"}]},
        {"conversations": ["Q", "A"]},
        {"conversations": [["Q", "A"]]},
        {"conversations": [["human", "Q"], ["ai", "A"]]},
        {"conversations": [{"user": "Q"}, {"assistant": "A"}]},
        {"conversations": {"from": ["human", "gpt"], "value": ["Q", "A"]}},
        {"messages": json.dumps([user("Q"), assistant("A")])},
        {"messages": repr([user("Q"), assistant("A")]).replace("}, {", "}\n {")},
        {
            "messages": [
                {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Q"]}},
                assistant("A"),
            ]
        },
        {"messages": [{"type": "human", "data": {"content": "Q"}}, {"type": "ai", "data": {"content": "A"}}]},
        {"prompt": [user("Q")], "completion": [assistant("A")]},
        {"prompt": [user("Q")], "chosen": [assistant("A")], "rejected": [assistant("X")]},
        {"prompt": "Q", "chosen": [user("Q"), assistant("A")], "rejected": [user("Q"), assistant("X")]},
        {"chosen": [user("Q"), assistant("A")], "rejected": [user("Q"), assistant("X")]},
        {"chosen": "\n\nHuman: Q\n\nAssistant: A", "rejected": "\n\nHuman: Q\n\nAssistant: X"},
        {
            "input": {"messages": [user("Q")]},
            "preferred_output": [assistant("A")],
            "non_preferred_output": [assistant("X")],
        },
        {"contents": [{"role": "user", "parts": [{"text": "Q"}]}, {"role": "model", "parts": [{"text": "A"}]}]},
        {"id": "1", "data": ["Q", "A"]},
        {"dialogue": ["Q", "A"]},
        {"turns": [user("Q"), assistant("A")]},
        {"messages": [user("Q")], "choices": [{"index": 0, "message": assistant("A")}]},
        {"request": {"messages": [user("Q")]}, "response": {"choices": [{"message": assistant("A")}]}},
        {"input": [user("Q")], "output": [{"type": "message"} | assistant([{"type": "output_text", "text": "A"}])]},
        {"user": "Q", "assistant": "A"},
        {"question": "Q", "answers": {"text": ["A", "a"], "answer_start": [1, 2]}},
    ],
)
def test_9_every_form_of_a_conversation_is_the_same_sample(record: dict[str, Any]) -> None:
    assert sample(record) == ("Q", "A")


@pytest.mark.parametrize("role", ["ai", "bot", "chatbot", "Assistant", "GPT-4", "model", "CHATBOT", "### Assistant:"])
def test_9_the_assistant_has_many_names(role: str) -> None:
    assert sample({"messages": [user("Q"), {"role": role, "content": "A"}]}) == ("Q", "A")


@pytest.mark.parametrize("role", ["ipython", "environment", "tool_result", "observation", "tool", "function_response",
                                  "tool_responses"])  # fmt: skip
def test_9_so_have_tools(role: str) -> None:
    turns = [user("Q"), assistant("A"), {"role": role, "content": "x"}, assistant("B")]
    assert sample({"messages": turns}) == ("Q", "A\n\nB")


def test_9_thoughts_are_written_as_chat_templates_write_them() -> None:
    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "A"}]
    for answer in (assistant("A", reasoning_content="Hm."), assistant(parts)):
        assert sample({"messages": [user("Q"), answer]}) == ("Q", "<think>\nHm.\n</think>\n\nA")


@pytest.mark.parametrize(
    "calls",
    ["[]", [], [None], "null", "", {}, {"name": None, "arguments": None},
     [{"id": None, "function": {"name": None, "arguments": None}}], "[null]",
     [{"type": "function", "function": {"name": None}}], {"name": "", "arguments": ""}],
)  # fmt: skip
def test_10_an_empty_call_is_no_call(calls: Any) -> None:
    assert sample({"messages": [user("Q"), assistant("A", tool_calls=calls)]}) == ("Q", "A")


@pytest.mark.parametrize(
    "calls",
    [json.dumps([OPENAI_CALL]), CALL, json.loads(CALL), [CALL], json.dumps(CALL), [OPENAI_CALL | {"index": None}]],
)
def test_10_a_call_that_is_text_already_is_written_once(calls: Any) -> None:
    assert sample({"messages": [user("Q"), assistant(None, tool_calls=calls)]}) == ("Q", CALL)


@pytest.mark.parametrize("text", ["<noinput>", "<no input>", "No input", "<No Input>", "Noinput.", '"<No input>"',
                                  "N/A", "none", "[No input needed]",
                                  "no context", "None needed",
                                  "No additional input", "NaN", "(not applicable)"])  # fmt: skip
def test_11_placeholders_are_no_input(text: str) -> None:
    assert sample({"instruction": "I", "input": text, "output": "x"}) == ("I", "x")


@pytest.mark.parametrize("text", ["No input was found in the file, why?", "nonet", "dog : cat :: <noinput>", "-"])
def test_11_what_only_resembles_a_placeholder_is_input(text: str) -> None:
    assert sample({"instruction": "I", "input": text, "output": "x"}) == (f"I\n\n{text}", "x")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"messages": [user("a"), assistant("b", weight=0), user("c"), assistant("d", weight=1)]}, ("a\n\nc", "d")),
        ({"messages": [user("a"), assistant("b"), user("c"), assistant("d", train=False)]}, ("a", "b")),
        ({"messages": [user("a"), assistant("b", loss=False)]},
         "nothing is to be learned: loss is false in every answer"),
        ({"prompt": "a", "completion": "b", "label": False}, "undesired: label is false"),
        ({"messages": [user("a"), assistant("b")], "kto_tag": "False"}, "undesired: kto_tag is false"),
        ({"prompt": "a", "completion": "b", "label": "False"}, "undesired: label is false"),
        ({"prompt": "a", "completion": "b", "label": 0}, "undesired: label is false"),
        ({"instruction": "a", "output": "b", "label": 0}, ("a", "b")),
        ({"prompt": "a", "completion": "b", "label": True}, ("a", "b")),
        ({"prompt": "a", "response": "c", "chosen": "b", "rejected": "c"}, ("a", "b")),
        ({"instruction": "a", "input": "i", "chosen": "b", "rejected": "c"}, ("a\n\ni", "b")),
        ({"prompt": "a", "completion": "b", "label": "undesirable"}, "undesired: label is undesirable"),
        ({"question": "a", "response_j": "b", "response_k": "c"}, ("a", "b")),
        ({"prompt": "a", "response_chosen": "b", "response_rejected": "c"}, ("a", "b")),
        ({"prompt": "a", "chosen": {"content": "b"}, "rejected": {"content": "c"}}, ("a", "b")),
        ({"prompt": "a", "chosen": 3, "rejected": 4}, ("a", "3")),
        ({"prompt": "a", "response": "b", "chosen": True}, ("a", "b")),
        ({"prompt": "a", "rejected": "c"}, "response is missing"),
    ],
)  # fmt: skip
def test_12_only_what_the_author_wants_learned_is_a_response(record: dict[str, Any], expected: Any) -> None:
    assert sample(record) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"responses": ["a"]}, "a"),
        ({"outputs": [{"text": "a"}]}, "a"),
        ({"generations": '["a"]'}, "a"),
        ({"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}}]}, "a"),
        ({"completions": [[assistant("a")]]}, "a"),
        ({"output": ["a", "a", ""]}, "a"),
        ({"responses": ["x", "a", "b"], "labels": [False, True, True]}, "a"),
        ({"completions": ["a", "b"], "labels": [True, True]}, "a\nb"),
        ({"completions": ["a", "b"], "labels": [True, False]}, "undesired: step 2 is marked false"),
        ({"responses": [{"text": "x", "chosen": False}, {"text": "a", "chosen": True}]}, "a"),
        ({"answers": ["x", "a"], "chosen": 1}, "a"),
        ({"output": "a", "responses": ["x", "y"]}, "a"),
        ({"answers": {"text": ["a", "b"], "answer_start": [1, 2]}}, "a"),
        ({"responses": ["x", "y"]}, "2 answers in responses, none preferred"),
        ({"completion": ["x", "y", "x"]}, "2 answers in completion, none preferred"),
        ({"candidates": [{"text": "x"}, {"text": "y"}, {"text": "z"}]}, "3 answers in candidates, none preferred"),
        ({"responses": ["x", "y"], "labels": [False, False]}, 
         "undesired: every answer of responses is marked false"),
        ({"outputs": []}, "response is empty"),
    ],
)  # fmt: skip
def test_12_of_several_answers_the_preferred_one_is_the_response(fields: dict[str, Any], expected: str) -> None:
    is_read = expected.startswith("a")
    assert sample({"prompt": "Q", **fields}) == (("Q", expected) if is_read else expected)
    assert sample({"messages": [user("Q")], **fields}) == (
        ("Q", expected) if is_read else expected.replace("empty", "missing")
    )


def test_12_answers_beside_an_answered_conversation_are_not_looked_at() -> None:
    assert sample({"messages": [user("Q"), assistant("A")], "responses": ["x", "y"]}) == ("Q", "A")


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([(False, "<s>Q\n"), (True, "A</s>")], ("Q", "A")),
        ([(False, "Q1"), (True, "A"), (True, "1"), (False, "Q2"), (True, "A2"), (False, "bye")],
         ("Q1\n\nQ2", "A1\n\nA2")),
        ([(True, "A")], "instruction is missing"),
        ([(False, "Q")], "response is missing"),
    ],
)  # fmt: skip
def test_12_of_segments_those_with_a_true_label_are_learned(segments: list[tuple[bool, str]], expected: Any) -> None:
    assert sample({"segments": [{"label": label, "text": text} for label, text in segments]}) == expected


@pytest.mark.parametrize("mark", ["training", "train", "weight", "loss", "loss_weight", "trainable"])
def test_12_the_reason_names_the_mark_of_the_author(mark: str) -> None:
    turns = [user("a"), assistant("b", **{mark: False}), user("c"), assistant("d", **{mark: "0"})]
    assert sample({"messages": turns}) == f"nothing is to be learned: {mark} is false or {mark} is 0 in every answer"


@pytest.mark.parametrize(
    "record",
    [
        {"system": "S", "instruction": "Q", "output": "A"},
        {"system_prompt": " S\n", "question": "Q", "response": "A"},
        {"messages": [{"role": "system", "content": "S"}, user("Q"), assistant("A")]},
        {"messages": [user("Q"), assistant("A")], "system": [{"type": "text", "text": "S"}]},
        {"conversations": [{"from": "developer", "value": "S"}, human("Q"), gpt("A")], "system": "S"},
        {"conversation": [{"system": "S", "input": "Q", "output": "A"}]},
        {"prompt": [{"role": "system", "content": "S"}, user("Q")], "chosen": [assistant("A")], "rejected": []},
    ],
)
def test_13_the_system_prompt_is_read_wherever_it_stands(record: dict[str, Any]) -> None:
    parsed = parse(record, {})
    assert (parsed.instruction, parsed.response, parsed.system_prompt) == ("Q", "A", "S")


@pytest.mark.parametrize(("value", "text"), [(42, "42"), (2.5, "2.5"), (True, "true"), (0, "0"), (False, "false")])
def test_14_a_number_is_the_same_answer_in_every_container(value: Any, text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"question": "Q", "answer": value}]))
    pq.write_table(pa.table({"question": ["Q"], "answer": [value]}), tmp_path / "b.parquet")
    with (tmp_path / "c.csv").open("w") as file:
        csv.writer(file).writerows([["question", "answer"], ["Q", text]])
    (batch,) = read_records(str(tmp_path), "")
    assert [row["response"] for row in batch.to_pylist()] == [text] * 3


def test_14_a_large_number_keeps_its_digits(tmp_path: Path) -> None:
    digits = "123456789012345678901234567890"
    (tmp_path / "a.jsonl").write_text(f'{{"question": "Q", "answer": {digits}}}')
    (batch,) = read_records(str(tmp_path / "a.jsonl"), "")
    row = batch.to_pylist()[0]
    assert (row["response"], json.loads(row["conversation"])["answer"]) == (digits, int(digits))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("    return x\n", "    return x"), ("\n\n\tif x:\n\t\ty\n", "\tif x:\n\t\ty"), (" A", "A"),
     ("\r\n  - a\r\n  - b", "  - a\n  - b"), ("  \n", None)],
)  # fmt: skip
def test_17_the_indent_of_the_first_line_is_kept(text: str, expected: str | None) -> None:
    assert parse({"instruction": "I", "output": text}, {}).response == expected
    if expected:
        assert parse({"messages": [user("Q"), assistant(text)]}, {}).response == expected
