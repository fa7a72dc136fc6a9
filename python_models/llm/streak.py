"""The end of a run whose replies are of no use: each of them is paid for."""

from __future__ import annotations

from python_models.llm.errors import UselessReplies

MOST_IN_A_ROW = 50
"""Items that may fail one after the other, in the same way, without a single usable reply between them."""

_ADVICE = {
    "truncated": "Set max_reply_tokens higher in config.yaml, or less reasoning (tagging_effort, judge_effort)",
    "refused": "Another model (TACOS_TAGGING_MODEL, TACOS_JUDGE_MODEL) or another wording (prompts/) may be answered",
    "empty_reply": "The model may spend its tokens on reasoning: set max_reply_tokens higher in config.yaml, or less "
    "reasoning (tagging_effort, judge_effort)",
}
_OTHER_ADVICE = "Set a model that follows the reply schema (TACOS_TAGGING_MODEL, TACOS_JUDGE_MODEL)"


class FailureStreak:
    """Counts items whose replies were all unusable, one after the other.

    Args:
        stage: for the message.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._kind = ""
        self._n_in_a_row = 0
        self._has_succeeded = False

    def succeeded(self) -> None:
        """An item got a usable reply."""
        self._has_succeeded = True
        self._n_in_a_row = 0

    def failed(self, error: str) -> None:
        """An item failed for what the model wrote; the error begins with its kind.

        Raises:
            UselessReplies: too many in a row. Refusals count while nothing has succeeded only: later ones are about
                the samples, not about the model.
        """
        kind = error.partition(":")[0]
        if kind == "refused" and self._has_succeeded:
            return
        self._n_in_a_row = self._n_in_a_row + 1 if kind == self._kind else 1
        self._kind = kind
        if self._n_in_a_row >= MOST_IN_A_ROW:
            raise UselessReplies(
                f"{self._stage}: {self._n_in_a_row} items in a row got no usable reply, and all in the same way; the "
                f"last: {error}. Stopped, since each reply is paid for. {_ADVICE.get(kind, _OTHER_ADVICE)}, and run "
                "again. What was received is in the cache."
            )
