"""Random conversations, written in every form and container, read back as the same samples; records counted twice."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_models.source import texts as source_texts
from python_models.source.formats import parse
from python_models.source.records import describe_files, read_records
from python_models.source.texts import clean, read_json

# Texts as ``clean`` leaves them, with all that quoting has to bear.
TEXTS = (
    st.text(st.sampled_from(list("aB7é漢😀 \"'\\,;\t\n{}[]:|<>`")), min_size=1, max_size=30)
    .map(clean)
    .filter(lambda text: bool(text.strip()) and text.strip()[:1] not in "[{" and text == text.strip())
)
EXCHANGES = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4)
Exchanges = list[tuple[str, str]]


def turns(exchanges: Exchanges, roles: tuple[str, str], names: tuple[str, str]) -> list[dict[str, str]]:
    return [{names[0]: role, names[1]: text} for pair in exchanges for role, text in zip(roles, pair, strict=True)]


def messages(exchanges: Exchanges) -> list[dict[str, str]]:
    return turns(exchanges, ("user", "assistant"), ("role", "content"))


FORMS: dict[str, Callable[[Exchanges], dict[str, Any]]] = {
    "messages": lambda pairs: {"messages": messages(pairs)},
    "sharegpt": lambda pairs: {"conversations": turns(pairs, ("human", "gpt"), ("from", "value"))},
    "parts": lambda pairs: {
        "messages": [{**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in messages(pairs)]
    },
    "json text": lambda pairs: {"messages": json.dumps(messages(pairs))},
    "python repr": lambda pairs: {"messages": repr(messages(pairs))},
    "object of lists": lambda pairs: {
        "messages": {key: [turn[key] for turn in messages(pairs)] for key in ("role", "content")}
    },
    "objects of pairs": lambda pairs: {"conversation": [{"input": q, "output": a} for q, a in pairs]},
    "list of pairs": lambda pairs: {"conversations": [[question, answer] for question, answer in pairs]},
    "list of roles and texts": lambda pairs: {"conversations": [list(turn.values()) for turn in messages(pairs)]},
    "list of texts": lambda pairs: {"conversations": [text for pair in pairs for text in pair]},
    "history": lambda pairs: {
        "instruction": pairs[-1][0], "output": pairs[-1][1], "history": [list(pair) for pair in pairs[:-1]]
    },
    "trl": lambda pairs: {"prompt": messages(pairs)[:-1], "completion": messages(pairs)[-1:]},
    "preference": lambda pairs: {
        "prompt": messages(pairs)[:-1],
        "chosen": messages(pairs)[-1:],
        "rejected": [messages(pairs)[-1] | {"content": "x"}],
    },
    "whole preference": lambda pairs: {"chosen": messages(pairs), "rejected": messages(pairs)[:-1]},
    "ranking": lambda pairs: {
        "conversations": turns(pairs, ("human", "gpt"), ("from", "value"))[:-1],
        "chosen": {"from": "gpt", "value": pairs[-1][1]},
    },
    "gemini": lambda pairs: {
        "contents": [{"role": role, "parts": [{"text": text}]} for pair in pairs
                     for role, text in zip(("user", "model"), pair, strict=True)]
    },
}  # fmt: skip


def expected(exchanges: Exchanges) -> tuple[str, str, int]:
    return "\n\n".join(q for q, _ in exchanges), "\n\n".join(a for _, a in exchanges), len(exchanges)


@pytest.mark.parametrize("form", FORMS)
@given(exchanges=EXCHANGES)
@settings(max_examples=60, deadline=None)
def test_every_form_of_a_conversation_says_the_same(form: str, exchanges: Exchanges) -> None:
    parsed = parse(FORMS[form](exchanges), {})
    assert (parsed.error, parsed.instruction, parsed.response, parsed.n_turns) == (None, *expected(exchanges))


def write(records: list[dict[str, Any]], container: str, path: Path) -> None:
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    if container == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif container == "arrow":
        table = pa.Table.from_pylist(records)
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    elif container in ("csv", "tsv"):
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(records[0]), delimiter="\t" if container == "tsv" else ",")
        writer.writeheader()
        writer.writerows(records)
        path.write_bytes(text.getvalue().encode())
    else:
        text_of = {
            "jsonl": "\n".join(lines),
            "jsonl.gz": "\n".join(lines),
            "json": json.dumps(records),
            "indented": json.dumps(records, indent=2),
            "objects": "\n".join(json.dumps(record, indent=2, ensure_ascii=False) for record in records),
            "one line": "".join(lines),
            "wrapped": json.dumps({"version": 1, "data": records}, indent=1),
        }[container]
        path.write_bytes(gzip.compress(text_of.encode()) if container == "jsonl.gz" else text_of.encode())


def count(path: Path, container: str) -> int:
    """Count the records without the project's readers."""
    if container == "parquet":
        return int(pq.read_metadata(path).num_rows)
    if container == "arrow":
        return int(pa.ipc.open_stream(path.read_bytes()).read_all().num_rows)
    if container in ("csv", "tsv"):
        with path.open(newline="") as file:
            return sum(1 for row in csv.reader(file, delimiter="\t" if container == "tsv" else ",")) - 1
    if container in ("jsonl", "jsonl.gz"):
        data = gzip.decompress(path.read_bytes()) if container == "jsonl.gz" else path.read_bytes()
        return sum(1 for line in data.split(b"\n") if line.strip())
    decoder, text, n_values = json.JSONDecoder(), path.read_text(), 0
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        text = text[end:]
        n_values += len(value) if isinstance(value, list) else len(value["data"]) if "data" in value else 1
    return n_values


CONTAINERS = [
    "jsonl",
    "jsonl.gz",
    "json",
    "indented",
    "objects",
    "one line",
    "wrapped",
    "csv",
    "tsv",
    "parquet",
    "arrow",
]


@pytest.mark.parametrize("container", CONTAINERS)
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_every_container_gives_the_same_samples_and_count(container: str, pairs: Exchanges) -> None:
    records = [{"prompt": question, "response": answer} for question, answer in pairs]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.data")
        write(records, container, path)
        (batch,) = read_records(str(path), "")
        rows = batch.to_pylist()
        (file,) = describe_files(str(path))
        assert [(row["error"], row["instruction"], row["response"]) for row in rows] == [
            (None, *pair) for pair in pairs
        ]
        assert file["n_records"] == len(rows) == count(path, container)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=8,
)


@given(value=JSON_VALUES)
@settings(max_examples=200, deadline=None)
def test_the_fast_parser_reads_what_the_standard_library_reads(value: Any) -> None:
    text = json.dumps(value).encode()
    fast = read_json(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_texts, "LONG_NUMBER", b"")  # is in every text
        assert repr(fast) == repr(read_json(text))
