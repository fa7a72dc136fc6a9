"""``tacos export``: every conversation whole, in the order of selection, in the words of a trainer, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml
from kept_samples import Exported, make_warehouse, read_lines
from sqlmesh import Context

from python_models.cli import main
from python_models.export.formats import FORMATS

TOOL = {"name": "weather", "description": "Weather.", "parameters": {"type": "object", "properties": {}}}
CALL = {"name": "weather", "arguments": {"city": "Oslo", "days": 2}}
PLAIN = {"instruction": "Add.\n", "input": "1 and 2", "output": "3", "source": "mine"}
CHAT = {
    "messages": [
        {"role": "system", "content": "Be\nbrief."},
        {"role": "user", "content": "é?"},
        {"role": "assistant", "content": "è."},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nNo."},
    ],
    "id": 7,
}
SHAREGPT = {
    "conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}, {"from": "human", "value": "B?"}],
    "system": "S",
}
TOOLS = {
    "messages": [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": CALL | {"arguments": json.dumps(CALL["arguments"])}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "15"}]},
        {"role": "assistant", "content": "15 degrees."},
    ],
    "tools": [{"type": "function", "function": TOOL}],
}
PAIR = {"prompt": "Is ice cold?", "chosen": "Yes.", "rejected": "No."}
PAIR_OF_MESSAGES = {
    "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
    "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "What?"}],
}
PAIR_OF_TRANSCRIPTS = {
    "chosen": "\n\nHuman: Why?\n\nAssistant: So.\n\nHuman: Sure?\n\nAssistant: Yes.",
    "rejected": "\n\nHuman: Why?\n\nAssistant: So.\n\nHuman: Sure?\n\nAssistant: Go away.",
}
UNLEARNED = {
    "messages": [
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "bad", "weight": 0},
        {"role": "user", "content": "Again"},
        {"role": "assistant", "content": "good"},
    ]
}
PICTURE = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": "A cat."},
    ]
}
MIXED = [PLAIN, CHAT, SHAREGPT, TOOLS]
CONVERSATIONAL = ["sharegpt", "messages", "parquet", "llama-factory", "axolotl"]


def test_the_original_comes_back_whole_in_the_order_of_selection(exported: Exported) -> None:
    assert read_lines(exported([*MIXED, PAIR])) == [*MIXED, PAIR][::-1]


def test_messages_keep_turns_system_prompt_calls_and_tools(exported: Exported) -> None:
    tools, sharegpt, chat, plain = read_lines(exported(MIXED, "--format", "messages"))
    assert plain["messages"] == [
        {"role": "user", "content": "Add.\n\n1 and 2"},
        {"role": "assistant", "content": "3"},
    ]
    assert chat == {"messages": CHAT["messages"]}
    assert sharegpt["messages"] == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "A"},
    ]
    assert tools["messages"][1:3] == [
        {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": CALL}]},
        {"role": "tool", "content": "15"},
    ]
    assert tools["tools"] == TOOLS["tools"]


def test_alpaca_keeps_question_and_data_apart(exported: Exported) -> None:
    assert read_lines(exported([PLAIN], "--format", "alpaca")) == [
        {"instruction": "Add.", "input": "1 and 2", "output": "3"}
    ]


def test_sharegpt_has_the_roles_of_llama_factory(exported: Exported) -> None:
    tools, *_ = read_lines(exported(MIXED, "--format", "sharegpt"))
    assert [turn["from"] for turn in tools["conversations"]] == ["human", "function_call", "observation", "gpt"]
    assert json.loads(tools["conversations"][1]["value"]) == CALL
    assert json.loads(tools["tools"]) == [TOOL]


@pytest.mark.parametrize("records", [MIXED, [PAIR, PAIR_OF_MESSAGES, PAIR_OF_TRANSCRIPTS]], ids=["answers", "pairs"])
@pytest.mark.parametrize("format_name", ["original", *CONVERSATIONAL])
def test_an_export_is_read_again_as_the_same_samples(
    project: Context, exported: Exported, tmp_path: Path, format_name: str, records: list[Any]
) -> None:
    name = "kept.parquet" if format_name == "parquet" else "kept.jsonl"
    path = exported(records, "--format", format_name, "--with-scores", name=name)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        kept = connection.execute("SELECT sample_id FROM tacos.selected ORDER BY selection_rank DESC").fetchall()
    again = make_warehouse(project, tmp_path / "again.duckdb", path)
    assert again == [sample_id for (sample_id,) in kept]
    assert len(set(again)) == len(records)


def test_pairs_stay_pairs(exported: Exported) -> None:
    pairs = [PAIR, PAIR_OF_MESSAGES, PAIR_OF_TRANSCRIPTS]
    transcripts, messages, texts = read_lines(exported(pairs, "--format", "messages"))
    assert texts == {
        "prompt": [{"role": "user", "content": "Is ice cold?"}],
        "chosen": [{"role": "assistant", "content": "Yes."}],
        "rejected": [{"role": "assistant", "content": "No."}],
    }
    assert messages["rejected"] == [{"role": "assistant", "content": "What?"}]
    assert len(transcripts["prompt"]) == 3
    assert transcripts["rejected"] == [{"role": "assistant", "content": "Go away."}]
    transcripts, *_ = read_lines(exported(pairs, "--format", "llama-factory"))
    assert [turn["from"] for turn in transcripts["conversations"]] == ["human", "gpt", "human"]
    assert transcripts["rejected"] == {"from": "gpt", "value": "Go away."}
    rows = read_lines(exported(pairs, "--format", "messages", "--chosen-only"))
    assert [row["messages"][-1]["content"] for row in rows] == ["Yes.", "Hello!", "Yes."]


@pytest.mark.parametrize(
    ("record", "format_name", "reason"),
    [
        (CHAT, "alpaca", "a system prompt has no place in alpaca"),
        (UNLEARNED | {"system": None}, "alpaca", "several turns have no place in alpaca"),
        (TOOLS, "alpaca", "tools have no place in alpaca"),
        (PAIR, "alpaca", "a rejected answer has no place in alpaca"),
        *((UNLEARNED, name, "an answer is not to be learned (weight is 0)") for name in CONVERSATIONAL[:-1]),
        *((PICTURE, name, "something in it is no text (image_url)") for name in CONVERSATIONAL),
        (PLAIN | {"images": ["a.png"]}, "alpaca", "something in it is no text (images)"),
        (
            {"messages": [*CHAT["messages"][1:3], {"role": "assistant", "content": "More."}]},
            "llama-factory",
            "do not alternate (gpt follows gpt)",
        ),
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "tool_calls": [CALL]}]},
         "sharegpt", "both a text and a call"),
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "tool_calls": ["do it"]}]},
         "messages", "a call of a tool is no name with arguments"),
    ],
)  # fmt: skip
def test_what_a_format_cannot_hold_is_named_and_nothing_is_written(
    exported: Exported, capsys: pytest.CaptureFixture[str], record: Any, format_name: str, reason: str
) -> None:
    path = exported([{"instruction": "a", "output": "b"}, record], "--format", format_name, code=1)
    said = capsys.readouterr().err
    assert f"the format {format_name} cannot hold 1 of 2 samples:\n  1 x " in said
    assert reason in said
    assert "dataset.jsonl record 2" in said
    assert "--skip-unfit" in said
    assert list(path.parent.iterdir()) == []


def test_what_does_not_fit_can_be_left_out(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    rows = read_lines(exported([PLAIN, CHAT, TOOLS], "--format", "alpaca", "--skip-unfit"))
    assert [row["output"] for row in rows] == ["3"]
    assert "dataset.jsonl record 3" in capsys.readouterr().out


def test_pairs_among_others_are_refused(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    exported([PAIR, PLAIN], "--format", "messages", code=1)
    assert "it is a preference pair, unlike the first sample" in capsys.readouterr().err
    assert len(read_lines(exported([PAIR, PLAIN], "--format", "messages", "--chosen-only"))) == 2


def test_answers_that_are_not_to_be_learned_stay_so_in_axolotl(exported: Exported) -> None:
    ((_, bad, _, good),) = [row["messages"] for row in read_lines(exported([UNLEARNED], "--format", "axolotl"))]
    assert (bad["train"], good.get("train")) == (False, None)


def test_a_row_that_would_be_another_sample_is_refused(
    exported: Exported, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("python_models.export.messages.message", lambda turn: {"role": turn.role, "content": "x"})
    exported([PLAIN], "--format", "messages", code=1)
    assert "messages would be read as another sample" in capsys.readouterr().err


def test_columns_that_were_mapped_are_read_with_the_mapping(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = "instruction=frage, response=antwort"
    monkeypatch.setattr("python_models.variables.configured_variables", lambda: {"column_mapping": mapping})
    (row,) = read_lines(exported([{"frage": "Warum?", "antwort": "Darum."}], "--format", "alpaca", mapping=mapping))
    assert row == {"instruction": "Warum?", "input": "", "output": "Darum."}


def test_scores_are_columns_of_their_own(exported: Exported) -> None:
    first, second = read_lines(exported([PLAIN, CHAT], "--with-scores"))
    assert second == PLAIN | {
        "tacos_sample_id": second["tacos_sample_id"],
        "tacos_selection_rank": 2,
        "tacos_cluster": "one, two",
        "tacos_judge_score": 50.5,
        "tacos_cluster_score": None,
        "tacos_judge_model": "a judge",
    }
    assert first["tacos_selection_rank"] == 1


def test_a_split_is_of_two_files_that_share_nothing(exported: Exported) -> None:
    records = [{"instruction": f"Question {number}?", "output": "Yes."} for number in range(400)]
    path = exported(records, "--split", "0.9")
    train, validation = (read_lines(path.with_name(f"kept.{part}.jsonl")) for part in ("train", "validation"))
    assert sorted(path.parent.iterdir()) == [
        path.with_name("kept.train.jsonl"),
        path.with_name("kept.validation.jsonl"),
    ]
    assert 340 < len(train) < 380
    assert sorted(map(str, train + validation)) == sorted(map(str, records))
    order = [records.index(record) for record in train]
    assert order == sorted(order, reverse=True)
    first = path.with_name("kept.train.jsonl").read_bytes()
    exported(records, "--split", "0.9")
    assert path.with_name("kept.train.jsonl").read_bytes() == first


def test_a_part_without_a_sample_is_refused(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    path = exported([PLAIN], "--split", "0.999999", code=1)
    assert "no sample would be in kept.validation.jsonl" in capsys.readouterr().err
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("share", ["0", "1", "95", "x"])
def test_a_share_is_between_0_and_1(exported: Exported, share: str) -> None:
    with pytest.raises(SystemExit):
        exported([PLAIN], "--split", share)


def test_dataset_info_keeps_what_is_there(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    path = exported([TOOLS, CHAT], "--format", "original")
    info = path.with_name("dataset_info.json")
    info.write_text('{"other": {"file_name": "other.json"}}', encoding="utf-8")
    exported([], "--format", "llama-factory", "--split", "0.5")
    described = json.loads(info.read_text(encoding="utf-8"))
    columns = {"messages": "conversations", "tools": "tools"}
    assert described == {
        "other": {"file_name": "other.json"},
        **{
            f"kept_{part}": {"file_name": f"kept.{part}.jsonl", "formatting": "sharegpt", "columns": columns}
            for part in ("train", "validation")
        },
    }
    assert "dataset: kept_train, kept_validation" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["[]", "{", '{"kept": {"file_name": "another.json"}}'])
def test_a_dataset_info_that_is_in_the_way_stops_all(exported: Exported, text: str) -> None:
    path = exported([CHAT])
    before = path.read_bytes()
    path.with_name("dataset_info.json").write_text(text, encoding="utf-8")
    exported([], "--format", "llama-factory", code=1)
    assert path.read_bytes() == before
    assert path.with_name("dataset_info.json").read_text(encoding="utf-8") == text
    assert len(list(path.parent.iterdir())) == 2


def test_axolotl_gets_a_stanza_of_its_configuration(exported: Exported) -> None:
    path = exported([CHAT, TOOLS], "--format", "axolotl", "--split", "0.5")
    stanza = yaml.safe_load(path.with_name("kept.axolotl.yaml").read_text(encoding="utf-8"))
    (train,), (test,) = stanza["datasets"], stanza["test_datasets"]
    assert (train["type"], train["field_messages"], train["roles_to_train"]) == (
        "chat_template",
        "messages",
        ["assistant"],
    )
    assert [Path(one["path"]).name for one in (train, test)] == ["kept.train.jsonl", "kept.validation.jsonl"]
    assert "rl" not in stanza


def test_axolotl_learns_preferences_by_dpo(exported: Exported) -> None:
    path = exported([PAIR], "--format", "axolotl")
    stanza = yaml.safe_load(path.with_name("kept.axolotl.yaml").read_text(encoding="utf-8"))
    assert (stanza["rl"], stanza["datasets"][0]["type"]) == ("dpo", "chat_template.default")
    assert read_lines(path)[0]["rejected"] == {"role": "assistant", "content": "No."}


def test_parquet_has_the_columns_that_the_rows_need(exported: Exported) -> None:
    table = pq.read_table(exported([PLAIN, CHAT], "--format", "parquet", name="plain.parquet"))
    assert table.column_names == ["messages", "record"]
    assert [json.loads(text) for text in table["record"].to_pylist()] == [CHAT, PLAIN]
    assert set(table["messages"][0].as_py()[0]) == {"role", "content"}


def test_an_environment_has_a_selection_of_its_own(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported([PLAIN, CHAT])
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA tacos__dev")
        connection.execute("CREATE TABLE tacos__dev.selected AS FROM tacos.selected WHERE selection_rank = 2")
    assert read_lines(exported([], "--environment", "dev")) == [PLAIN]
    exported([], "--environment", "nowhere", code=1)
    assert "there are: dev, prod" in capsys.readouterr().err


def test_a_kept_sample_without_its_record_stops_the_export(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported([PLAIN, CHAT])
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("DELETE FROM tacos.source_records WHERE record_no = 1")
    exported([], code=1)
    assert "1 kept samples have no record any more" in capsys.readouterr().err


def test_nothing_selected_leaves_the_file_that_was_there(exported: Exported, tmp_path: Path) -> None:
    path = exported([PLAIN])
    before = path.read_bytes()
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("DELETE FROM tacos.selected")
    exported([], code=1)
    assert [path.read_bytes(), list(path.parent.iterdir())] == [before, [path]]


def test_a_folder_that_is_not_there_is_named(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    exported([PLAIN], name="nowhere/kept.jsonl", code=1)
    assert "nowhere" in capsys.readouterr().err


def test_every_format_is_one_that_the_command_offers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in FORMATS)
