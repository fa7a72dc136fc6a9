"""What is exported loads as trainers load it: with Hugging Face's ``datasets``, by what the trainer is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from kept_samples import Exported
from test_export import CALL, CHAT, MIXED, PAIR, PAIR_OF_MESSAGES, PLAIN, SHAREGPT, TOOL, TOOLS

CHATML = (
    "{%- if tools %}{{ tools | tojson }}; {% endif -%}"
    "{%- for message in messages %}<{{ message.role }}>{{ message.content }}"
    "{%- for call in message.tool_calls or [] %}{{ call.function.name }} {{ call.function.arguments | tojson }}"
    "{%- endfor %}; {% endfor -%}"
)
"""A chat template as models have one, shorter."""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``load_dataset`` with a cache of its own, and no network."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    return lambda *names, **options: datasets.load_dataset(*names, cache_dir=str(tmp_path / "cache"), **options)


def rendered(row: dict[str, Any]) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    ((text,), _) = render_jinja_template(conversations=[row["messages"]], tools=row.get("tools"), chat_template=CHATML)
    return str(text)


def test_trl_renders_messages_with_calls_and_tools(exported: Exported, load: Any) -> None:
    path = exported(MIXED, "--format", "messages", "--with-scores")
    rows = list(load("json", data_files=str(path), split="train"))
    assert rendered(rows[0]) == (
        f"{json.dumps(TOOLS['tools'])}; <user>Weather?; <assistant>weather {json.dumps(CALL['arguments'])}; "
        "<tool>15; <assistant>15 degrees.; "
    )
    assert rendered(rows[1]) == "<system>S; <user>Q; <assistant>A; "
    assert rows[3]["tacos_judge_score"] == 50.5


def test_trl_reads_preference_pairs(exported: Exported, load: Any) -> None:
    path = exported([PAIR, PAIR_OF_MESSAGES], "--format", "messages")
    rows = load("json", data_files=str(path), split="train")
    assert rows.column_names == ["prompt", "chosen", "rejected"]
    assert rows[1]["rejected"] == [{"role": "assistant", "content": "No."}]


def test_a_split_is_found_by_the_names_of_its_files(exported: Exported, load: Any) -> None:
    records = [{"instruction": f"Question {number}?", "output": "Yes."} for number in range(60)]
    path = exported(records, "--format", "alpaca", "--split", "0.8")
    parts = load(str(path.parent))
    assert set(parts) == {"train", "validation"}
    assert parts["train"].column_names == ["instruction", "input", "output"]
    assert len(parts["train"]) + len(parts["validation"]) == 60


@pytest.mark.parametrize("records", [MIXED, [PAIR, PAIR_OF_MESSAGES]], ids=["answers", "pairs"])
def test_llama_factory_finds_turns_that_alternate(exported: Exported, load: Any, records: list[Any]) -> None:
    folder = exported(records, "--format", "llama-factory").parent
    described = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))["kept"]
    rows = load("json", data_files=str(folder / described["file_name"]), split="train")
    columns = described["columns"]
    assert set(columns.values()) <= set(rows.column_names)
    for row in rows:
        names = [turn["from"] for turn in row[columns["messages"]]]
        names = names[names[0] == "system" :]
        assert set(names[::2]) <= {"human", "observation"}
        assert set(names[1::2]) <= {"gpt", "function_call"}
        assert len(names) % 2 == int(described.get("ranking", False))
    if "tools" in columns:
        assert [json.loads(row["tools"]) for row in rows if row["tools"]] == [[TOOL]]


def test_axolotl_reads_what_its_stanza_names(exported: Exported, load: Any) -> None:
    path = exported(MIXED, "--format", "axolotl")
    ((told,),) = yaml.safe_load(path.with_suffix(".axolotl.yaml").read_text(encoding="utf-8")).values()
    rows = load(told["ds_type"], data_files=told["path"], split=told["split"])
    names = told["message_property_mappings"]
    turns = [(turn[names["role"]], turn[names["content"]]) for turn in rows[2][told["field_messages"]]]
    assert turns == [(turn["role"], turn["content"]) for turn in CHAT["messages"]]
    assert rows[0][told["field_tools"]] == TOOLS["tools"]


def test_sharegpt_loads(exported: Exported, load: Any) -> None:
    rows = load("json", data_files=str(exported(MIXED, "--format", "sharegpt")), split="train")
    assert rows[1]["conversations"] == [{"from": "system", "value": "S"}, *SHAREGPT["conversations"][:2]]


def test_parquet_loads_with_one_type_for_every_column(exported: Exported, load: Any) -> None:
    path = exported(MIXED, "--format", "parquet", "--with-scores", name="kept.parquet")
    rows = load("parquet", data_files=str(path), split="train")
    (call,) = rows[0]["messages"][1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == CALL["arguments"]
    assert json.loads(rows[0]["tools"]) == TOOLS["tools"]
    assert [json.loads(record) for record in rows["record"]] == MIXED[::-1]
    assert rows[3]["tacos_selection_rank"] == 4


def test_the_original_loads_where_its_records_have_one_form(exported: Exported, load: Any) -> None:
    other = {"instruction": "Name it.", "input": "", "output": "It.", "source": None}
    rows = load("json", data_files=str(exported([PLAIN, other])), split="train")
    assert list(rows) == [other, PLAIN]
