"""LLaMA-Factory: ShareGPT's conversations in strict turns, and the entry of ``dataset_info.json`` that describes them.

Source: LLaMA-Factory, data/README.md (https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md). Conversations
whose turns do not alternate it leaves out, with no more than a warning: they are refused here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from python_models.export import sharegpt
from python_models.export.conversation import Conversation, UnfitError
from python_models.terminal import UserError

DATASET_INFO = "dataset_info.json"
ASKING, ANSWERING = ("human", "observation"), ("gpt", "function_call")


def row(conversation: Conversation) -> dict[str, Any]:
    """Make the row of a conversation.

    Raises:
        UnfitError: the format cannot hold it.
    """
    made = sharegpt.row(conversation)
    names = [turn["from"] for turn in made["conversations"]]
    names = names[1:] if names[:1] == ["system"] else names
    for no, name in enumerate(names):
        if name not in (ANSWERING if no % 2 else ASKING):
            before = names[no - 1] if no else "nothing"
            raise UnfitError(f"LLaMA-Factory leaves out turns that do not alternate ({name} follows {before})")
    return made


def describe(file_name: str, is_ranking: bool, has_tools: bool) -> dict[str, Any]:
    """Describe a file of rows, as an entry of ``dataset_info.json``."""
    answers = {"chosen": "chosen", "rejected": "rejected"} if is_ranking else {}
    columns = {"messages": "conversations"} | answers | ({"tools": "tools"} if has_tools else {})
    ranking = {"ranking": True} if is_ranking else {}
    return {"file_name": file_name, "formatting": "sharegpt"} | ranking | {"columns": columns}


def merge(path: Path, entries: Mapping[str, dict[str, Any]]) -> str:
    """Write the text of ``dataset_info.json`` with some entries added to those that are there.

    Raises:
        UserError: the file that is there is no such file, or has another dataset of one of these names.
    """
    known: Any = {}
    if path.exists():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read as JSON ({error}). Mend it, or name another folder.") from error
        if not isinstance(known, dict):
            raise UserError(f"{path} is there and is no list of datasets by name. Name a file in another folder.")
    for name, entry in entries.items():
        other = known.get(name)
        if isinstance(other, dict) and other.get("file_name", entry["file_name"]) != entry["file_name"]:
            raise UserError(f"{path} has another dataset {name!r} already ({other['file_name']}). Name another file.")
    return json.dumps({**known, **entries}, indent=2, ensure_ascii=False) + "\n"
