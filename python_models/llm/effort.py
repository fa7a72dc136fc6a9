"""How much a model reasons before it answers, and the room that its reply then needs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from python_models.llm.request import LARGEST_ROOM, ROOM_GROWTH, ChatRequest

ROOM_FOR_REASONING = 16_384
"""Tokens for a reply with reasoning that was asked for."""

ROOM_IF_UNKNOWN = 4_096
"""Tokens where no effort is set: the model may reason by its own default. Room that is not used costs nothing."""


def reply_parameters(effort: str, first_limit: int) -> dict[str, Any]:
    """Sampling parameters for a wanted reasoning effort.

    Args:
        effort: ``none``, ``low``, ``medium``, ... as the endpoint names it; empty to send nothing about it.
        first_limit: ``max_tokens`` of the project's first requests. It is not what is sent (the room for the reply
            is), but without an effort it stays in the key, so that every reply paid for since then is found again.

    Returns:
        Parameters for ``ChatRequest``. A model that reasons takes no temperature.
    """
    if not effort:
        return {"temperature": 0, "max_tokens": first_limit}
    return {"temperature": 0, "reasoning_effort": effort} if effort == "none" else {"reasoning_effort": effort}


def reply_room(effort: str, setting: int, plain: int) -> int:
    """Tokens for a reply: the setting, else ``plain`` without reasoning and thousands with it.

    Raises:
        ValueError: the setting is negative.
    """
    if setting < 0:
        raise ValueError(f"The room for a reply must be a number of tokens, or 0 for automatic, but it is {setting}.")
    if setting:
        return setting
    return plain if effort == "none" else ROOM_IF_UNKNOWN if not effort else ROOM_FOR_REASONING


class Rooms:
    """Rooms for replies, learned from those that were cut, so that not every request has to be cut first."""

    _ENOUGH_CUTS = 3

    def __init__(self) -> None:
        self._n_cut: Counter[tuple[str, int]] = Counter()
        self._least: dict[str, int] = {}

    def count_cut(self, request: ChatRequest, attempt: int) -> None:
        """Note that a reply did not fit into the room of its attempt; after three, nothing is asked in less again."""
        room = request.max_reply_tokens(attempt)
        if request.reply_room is None or room is None:
            return
        self._n_cut[request.model, room] += 1
        if self._n_cut[request.model, room] >= self._ENOUGH_CUTS:
            self._least[request.model] = max(min(LARGEST_ROOM, ROOM_GROWTH * room), self._least.get(request.model, 0))

    def widen(self, request: ChatRequest) -> ChatRequest:
        """The request with the room that replies of its model are known to need."""
        least = self._least.get(request.model, 0)
        if request.reply_room is None or request.reply_room >= least:
            return request
        return replace(request, reply_room=least)
