"""``tacos`` whose endpoint answers at once, in this process: a run without the time of the LLM and of the network.

    python bench/instant_judge.py run

Everything but the call itself is the project: keys, cache, parsing, limits. Tags are what a sample names, scores what
its response says it is worth, with noise that depends on the pair alone.
"""

from __future__ import annotations

import json
import re
import sys
from hashlib import md5
from typing import Any

from python_models.cli import main
from python_models.llm.cache.rows import CachedReply, now_us
from python_models.llm.endpoint.client import ChatClient
from python_models.llm.request import ChatRequest

_TAGS = re.compile(r"Topics: (.*?)\.(?:\n|$)")
_PIECES = re.compile(r"\w+|[^\w\s]")
_WORTH = re.compile(r"This is worth (\d+) points")


def answer(prompt: str) -> str:
    """The reply to a tagging or a judging request, by the text of its user message."""
    worth = _WORTH.findall(prompt)
    if len(worth) < 2:
        found = _TAGS.search(prompt)
        tags = found[1].split("; ") if found else ["other"]
        return json.dumps({"tags": [{"tag": tag} for tag in tags]}, separators=(",", ":"))
    noise = md5(prompt.encode("utf-8", "replace"), usedforsecurity=False).digest()
    first, second = (min(max(int(points) + noise[place] % 21 - 10, 1), 100) for place, points in enumerate(worth[:2]))
    return f'{{"first_score":{first},"second_score":{second}}}'


def _count_tokens(text: str) -> int:
    """Tokens of a text: a word of up to six letters is one, a longer one more, so is every mark; not the rule by which
    `tacos estimate` guesses."""
    return sum(-(-len(piece) // 6) for piece in _PIECES.findall(text))


async def ask_at_once(
    _client: ChatClient, stage: str, request: ChatRequest, attempt: int, key: str, _level: int = 0
) -> CachedReply:
    text = str(request.messages[-1]["content"])
    reply = answer(text)
    n_prompt_tokens = sum(_count_tokens(str(message["content"])) + 4 for message in request.messages) + 3
    usage: tuple[Any, ...] = (n_prompt_tokens, 0, _count_tokens(reply))
    return CachedReply(key, stage, request.model, attempt, reply, None, "stop", *usage, 1.0, now_us())


if __name__ == "__main__":
    ChatClient.ask = ask_at_once  # type: ignore[method-assign]
    sys.exit(main())
