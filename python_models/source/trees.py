"""Trees of messages, as OpenAssistant publishes them: the conversation that follows the best answers."""

from __future__ import annotations

from typing import Any


def is_tree(value: Any) -> bool:
    """Say whether a value is the first message of a tree."""
    return isinstance(value, dict) and isinstance(value.get("replies"), list)


def is_lone_message(record: dict[str, Any]) -> bool:
    """Say whether a record is one message of a conversation whose others are records of their own."""
    return record.keys() >= {"parent_id", "role", "text"} and ("message_id" in record or "id" in record)


def follow_best(message: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """Follow the replies of the best rank (0) from the first message.

    Returns:
        The messages, and among how many equally good replies the path could not go on; 0 if it ends by itself.
    """
    path: list[dict[str, Any]] = []
    while True:
        path.append({"role": message.get("role"), "content": message.get("text")})
        replies = [reply for reply in message.get("replies") or [] if isinstance(reply, dict) and _counts(reply)]
        ranks = [reply["rank"] for reply in replies if isinstance(reply.get("rank"), int)]
        best = [reply for reply in replies if not ranks or reply.get("rank") == min(ranks)]
        if len(best) != 1:
            return path, len(best)
        message = best[0]


def _counts(reply: dict[str, Any]) -> bool:
    return not reply.get("deleted") and reply.get("review_result") is not False
