"""Stanford Alpaca's instruction, input and output: one question with its data, one answer, and nothing else.

Some trainers read ``system`` and ``history`` beside these, others pass over them in silence; so they are not written.
"""

from __future__ import annotations

from typing import Any

from python_models.export.conversation import Conversation, UnfitError


def row(conversation: Conversation) -> dict[str, Any]:
    """Make the row of a conversation.

    Raises:
        UnfitError: the format cannot hold it.
    """
    roles = [turn.role for turn in conversation.turns]
    if conversation.tools or "tool" in roles or any(turn.calls for turn in conversation.turns):
        raise UnfitError("tools have no place in alpaca: messages, sharegpt and llama-factory hold them")
    if conversation.rejected:
        raise UnfitError("a rejected answer has no place in alpaca: messages and llama-factory hold it")
    if "system" in roles:
        raise UnfitError("a system prompt has no place in alpaca: messages, sharegpt and llama-factory hold it")
    if roles != ["user", "assistant"]:
        raise UnfitError("several turns have no place in alpaca: messages, sharegpt and llama-factory hold them")
    return {
        "instruction": conversation.instruction,
        "input": conversation.data,
        "output": conversation.turns[-1].text,
    }
