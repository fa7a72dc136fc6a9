"""The offline judge: a fixed formula for how good a response looks. A heuristic, not an LLM judge.

It measures novelty, structure and junk, not correctness. Its coefficients were fitted on pairs of responses to one
instruction of which people said which is better. On human pairs that it was not fitted on it agrees with people in
72% of the cases (always choosing the longer one: 70%); on pairs made to mislead, a good-looking wrong answer beside a
plain right one, it is worse than chance; and across different instructions its score is no absolute scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from python_models.embedded.features import FEATURES, Texts

JUDGE_NAME = "offline-heuristic-v1"
OFFLINE_NOTE = "offline heuristic, not an LLM judge"

COEFFICIENTS = {
    "new": 0.72,
    "lines": 0.38,
    "rep_sent": -4.1,
    "hi_cos": -28.0,
    "leak": -1.0,
    "off": -9.6,
    "copy_all": -0.97,
    "trunc": -0.41,
    "lang": -0.39,
}
"""What each feature adds to the utility of a response."""

_MIDDLE_SCORE, _POINTS_PER_UTILITY, _MIDDLE_UTILITY = 50, 12, 1.9
_WORST, _BEST = 1, 100


@dataclass(frozen=True, slots=True)
class HeuristicScore:
    """Score of a response (integer from 1 to 100, higher is better) and the features that it is made of."""

    score: int
    features: dict[str, float]


def score_response(instruction: str, response: str, cosine: float) -> HeuristicScore:
    """Score how good a response looks, whoever stands beside it.

    Args:
        instruction, response: the sample.
        cosine: cosine of their embeddings by all-MiniLM-L6-v2, which the coefficients were fitted with.

    Returns:
        ``clip(round(50 + 12 (u - 1.9)), 1, 100)`` with u the sum of features times ``COEFFICIENTS``; 1 for an empty
        response. The features are rounded to 4 decimals for display, the score is made of the exact ones.
    """
    texts = Texts(instruction, response, cosine)
    features = {name: feature(texts) for name, feature in FEATURES.items()}
    shown = {name: round(value, 4) for name, value in features.items()}
    if not response.strip():
        return HeuristicScore(_WORST, shown)
    utility = math.fsum(COEFFICIENTS[name] * value for name, value in features.items())
    score = round(_MIDDLE_SCORE + _POINTS_PER_UTILITY * (utility - _MIDDLE_UTILITY))
    return HeuristicScore(min(_BEST, max(_WORST, score)), shown)
