"""Axolotl: messages for its chat templates, and the stanza of its configuration that names them.

Source: Axolotl, conversation (https://docs.axolotl.ai/docs/dataset-formats/conversation.html) and, for preference
pairs, RLHF (https://docs.axolotl.ai/docs/rlhf.html). An answer that is not to be learned is marked ``train: false``.
"""

from __future__ import annotations

import json
from typing import Any

from python_models.export.conversation import Conversation, UnfitError
from python_models.export.messages import message, tool_schemas


def row(conversation: Conversation) -> dict[str, Any]:
    """Make the row of a conversation.

    Raises:
        UnfitError: the format cannot hold it.
    """
    turns = [message(turn) | ({"train": False} if turn.not_learned else {}) for turn in conversation.turns]
    if not conversation.rejected:
        return {"messages": turns} | ({"tools": tool_schemas(conversation)} if conversation.tools else {})
    if conversation.tools or any(turn.calls for turn in (*conversation.turns, *conversation.rejected)):
        raise UnfitError("a preference pair with tools has no place in Axolotl: messages holds it")
    n_prompt = conversation.n_prompt
    if len(turns) - n_prompt != 1 or len(conversation.rejected) != 1:
        raise UnfitError("a preferred or rejected answer is of several turns: messages holds it")
    if any(turn.not_learned for turn in conversation.turns):
        raise UnfitError("a preference pair has an answer that is not to be learned: original holds it")
    return {"messages": turns[:n_prompt], "chosen": turns[-1], "rejected": message(conversation.rejected[0])}


def stanza(path: str, test_path: str | None, is_ranking: bool) -> str:
    """Write the part of Axolotl's configuration that names the files.

    Args:
        path: the file to train on, as Axolotl is to find it.
        test_path: the file to evaluate on; None for none.
        is_ranking: the rows are preference pairs.
    """
    head = "rl: dpo\n" if is_ranking else ""
    tests = f"test_datasets:\n{_dataset(test_path, is_ranking)}" if test_path is not None else ""
    return f"{head}datasets:\n{_dataset(path, is_ranking)}{tests}"


def _dataset(path: str, is_ranking: bool) -> str:
    pairs = "    field_chosen: chosen\n    field_rejected: rejected\n"
    learned = "    field_tools: tools\n    roles_to_train: [assistant]\n    message_field_training: train\n"
    return (
        f"  - path: {json.dumps(path)}\n    ds_type: json\n    split: train\n"
        f"    type: {'chat_template.default' if is_ranking else 'chat_template'}\n    field_messages: messages\n"
        "    message_property_mappings:\n      role: role\n      content: content\n"
        + (pairs if is_ranking else learned)
    )
