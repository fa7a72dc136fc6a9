"""Who judges in which round."""

from __future__ import annotations

from typing import NamedTuple


class Judge(NamedTuple):
    """A model, or the offline heuristic, and how much it reasons (empty: nothing is sent about it)."""

    model_name: str
    effort: str


def judge_of_round(judging_round: int, first: Judge, final: Judge) -> Judge:
    """The judge of a round, counted from 1: the final one from the second round on, if there is one.

    The first round sees everybody and makes most of the calls; the rounds after it see the best so far only, and
    decide. So a better and dearer judge is worth its price there.

    Args:
        judging_round: the round.
        first: the variables ``judge_model`` and ``judge_effort``.
        final: the variables ``final_judge_model`` and ``final_judge_effort``; without a model there is one judge only.
    """
    return final if judging_round > 1 and final.model_name else first
