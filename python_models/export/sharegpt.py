"""ShareGPT's conversations of ``from`` and ``value``, with the roles of LLaMA-Factory for calls of tools.

Source: LLaMA-Factory, data/README.md (https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md).
"""

from __future__ import annotations

from typing import Any

from python_models.export.conversation import Conversation, UnfitError, named_calls
from python_models.export.messages import UNLEARNED
from python_models.source.calls import write_calls
from python_models.source.texts import dump
from python_models.source.turns import Turn

NAMES = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def row(conversation: Conversation) -> dict[str, Any]:
    """Make the row of a conversation: ``conversations``; of a preference pair also ``chosen`` and ``rejected``.

    Raises:
        UnfitError: the format cannot hold it.
    """
    turns = [_turn(turn) for turn in conversation.turns]
    tools = {"tools": dump(list(conversation.tools))} if conversation.tools else {}
    if not conversation.rejected:
        return {"conversations": turns} | tools
    n_prompt = conversation.n_prompt
    rejected = [_turn(turn) for turn in conversation.rejected]
    if len(turns) - n_prompt != 1 or len(rejected) != 1:
        raise UnfitError("a preferred or rejected answer is of several turns: messages holds it")
    return {"conversations": turns[:n_prompt], "chosen": turns[-1], "rejected": rejected[0]} | tools


def _turn(turn: Turn) -> dict[str, str]:
    if turn.not_learned:
        raise UnfitError(UNLEARNED.format(mark=turn.not_learned))
    if not turn.calls:
        return {"from": NAMES[turn.role], "value": turn.text or ""}
    if turn.said:
        raise UnfitError("a turn is both a text and a call of a tool: messages holds it")
    return {"from": "function_call", "value": write_calls(named_calls(turn)) or ""}
