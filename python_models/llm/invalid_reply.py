"""What is wrong with a reply that cannot be used."""

from __future__ import annotations

QUOTED_CHARS = 80


class InvalidReply(ValueError):  # noqa: N818 - named for what it is in the tables
    """A reply that cannot be used.

    Attributes:
        kind: what is wrong: ``invalid_json``, ``not_an_object``, ``missing_key``, ``invalid_value``, ``out_of_range``,
            ``truncated``, ``refused``, ``empty_reply``, ``tool_call`` or ``reasoning_only``.
        detail: what was wanted and what was got.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.detail = detail


def quote(value: object) -> str:
    """Show a value in an error message: its repr, cut to one line of bounded length."""
    if isinstance(value, str) and len(value) > QUOTED_CHARS:
        value = value[:QUOTED_CHARS] + "…"
    try:
        text = repr(value)
    except RecursionError:
        text = f"a {type(value).__name__} nested too deeply to be shown"
    return text if len(text) <= 2 * QUOTED_CHARS else text[: 2 * QUOTED_CHARS] + "…"
