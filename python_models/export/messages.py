"""Messages with role and content, as OpenAI's API and TRL have them.

Source: TRL, dataset formats (https://huggingface.co/docs/trl/dataset_formats): ``messages`` for supervised training,
``prompt``, ``chosen`` and ``rejected`` for preferences, ``tool_calls`` and a column ``tools`` for calls.
"""

from __future__ import annotations

from typing import Any

from python_models.export.conversation import Conversation, UnfitError, named_calls
from python_models.source.turns import Turn

UNLEARNED = "an answer is not to be learned ({mark}), which this format does not say: axolotl and original do"


def row(conversation: Conversation) -> dict[str, Any]:
    """Make the row of a conversation.

    Raises:
        UnfitError: the format cannot hold it.
    """
    for turn in conversation.turns:
        if turn.not_learned:
            raise UnfitError(UNLEARNED.format(mark=turn.not_learned))
    turns = [message(turn) for turn in conversation.turns]
    tools = {"tools": tool_schemas(conversation)} if conversation.tools else {}
    if not conversation.rejected:
        return {"messages": turns} | tools
    n_prompt = conversation.n_prompt
    answers = {"chosen": turns[n_prompt:], "rejected": [message(turn) for turn in conversation.rejected]}
    return {"prompt": turns[:n_prompt]} | answers | tools


def message(turn: Turn) -> dict[str, Any]:
    """Make the message of a turn.

    Raises:
        UnfitError: a call has no name or no arguments.
    """
    if not turn.calls:
        return {"role": turn.role, "content": turn.text or ""}
    calls = [{"type": "function", "function": call} for call in named_calls(turn)]
    return {"role": turn.role, "content": turn.said, "tool_calls": calls}


def tool_schemas(conversation: Conversation) -> list[dict[str, Any]]:
    """The tools as JSON schemas, each under the type that says that it is a function."""
    return [{"type": "function", "function": tool} for tool in conversation.tools]
