"""The offline judge of pairs: each sample has one score of its own, whoever stands beside it. Not an LLM judge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from python_models.digest import source_digest
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.fence import clean_and_cut
from python_models.settings import cache_path

# The embedder that the heuristic's coefficients were fitted with, whatever embeds the tags.
_EMBEDDER = "all-MiniLM-L6-v2"


class _Sample(NamedTuple):
    """A sample's texts as the judge reads them, and the key of its features in the cache."""

    instruction: str
    response: str
    is_cut: bool
    key: str


class _Verdict(NamedTuple):
    """Score (1-100) of a sample, the features it is made of, and whether they were computed in an earlier run."""

    score: int
    features: dict[str, Any]
    is_cut: bool
    is_cached: bool


def score_pairs(batches: Iterable[list[dict[str, Any]]], max_chars: int) -> Iterator[dict[str, Any]]:
    """Yield one reply row per pair (see ``python_models.judging.REPLY_SCHEMA``); no pair fails.

    Features are kept in the response cache, so that neither an embedder is loaded nor a text embedded twice.

    Args:
        batches: lists of rows of ``python_models.judging.pairs_with_texts``.
        max_chars: longer texts are cut, as for any judge.
    """
    from python_models.embedded.judge import JUDGE_NAME, OFFLINE_NOTE

    kind = f"{JUDGE_NAME}/{source_digest('embedded/judge')}"
    verdicts: dict[str, _Verdict] = {}
    with ResponseCache(cache_path()) as cache:
        for batch in batches:
            samples = {
                row[f"{position}_sample_id"]: _read_sample(row, position, max_chars)
                for row in batch
                for position in ("first", "second")
                if row[f"{position}_sample_id"] not in verdicts
            }
            verdicts.update(_judge(samples, kind, cache))
            for row in batch:
                first, second = verdicts[row["first_sample_id"]], verdicts[row["second_sample_id"]]
                shown = {"judge": f"{JUDGE_NAME}: {OFFLINE_NOTE}", "first": first.features, "second": second.features}
                yield {
                    "pair_id": row["pair_id"],
                    "raw_reply": json.dumps(shown),
                    "scores": {"first_score": first.score, "second_score": second.score},
                    "is_cut": first.is_cut or second.is_cut,
                    "n_attempts": 0,
                    "model_name": JUDGE_NAME,
                    "is_cached": first.is_cached and second.is_cached,
                }


def _read_sample(row: dict[str, Any], position: str, max_chars: int) -> _Sample:
    instruction, is_instruction_cut = clean_and_cut(row[f"{position}_instruction"], max_chars)
    if row.get(f"{position}_system_prompt"):
        system, is_system_cut = clean_and_cut(row[f"{position}_system_prompt"], max_chars)
        instruction, is_instruction_cut = f"{system}\n\n{instruction}", is_instruction_cut or is_system_cut
    response, is_response_cut = clean_and_cut(row[f"{position}_response"], max_chars)
    key = sha256(f"{instruction}\x1f{response}".encode("utf-8", "replace")).hexdigest()
    return _Sample(instruction, response, is_instruction_cut or is_response_cut, key)


def _judge(samples: dict[str, _Sample], kind: str, cache: ResponseCache) -> dict[str, _Verdict]:
    """Verdicts by sample_id: from the cache, or computed now and put there."""
    known = {
        key: json.loads(value)
        for key, value in cache.get_computed(kind, [sample.key for sample in samples.values()]).items()
    }
    missing = {sample.key: sample for sample in samples.values() if sample.key not in known}
    computed = _compute(missing) if missing else {}
    if computed:
        cache.put_computed(kind, {key: json.dumps(value).encode() for key, value in computed.items()})
    verdicts = {}
    for sample_id, sample in samples.items():
        value = known.get(sample.key) or computed[sample.key]
        verdicts[sample_id] = _Verdict(value["score"], value["features"], sample.is_cut, sample.key in known)
    return verdicts


def _compute(samples: dict[str, _Sample]) -> dict[str, dict[str, Any]]:
    """Score and features by key, for texts that were never seen."""
    from python_models.embedded.embedder import embed
    from python_models.embedded.judge import score_response

    texts = [sample.instruction for sample in samples.values()] + [sample.response for sample in samples.values()]
    vectors = embed(texts, _EMBEDDER)
    # Embeddings of texts have unit length: their product is the cosine.
    cosines = (vectors[: len(samples)] * vectors[len(samples) :]).sum(axis=1)
    scored = {}
    for (key, sample), cosine in zip(samples.items(), cosines, strict=True):
        result = score_response(sample.instruction, sample.response, float(cosine))
        scored[key] = {"score": result.score, "features": {"score": result.score, **result.features}}
    return scored
