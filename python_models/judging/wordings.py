"""The same pairs in other words: how far scores depend on the wording of the prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp, parse_one

from python_models.judging.judges import Judge, judge_of_round
from python_models.judging.pairs import EMBEDDED, JudgingOptions, judge_pairs, pairs_with_texts
from python_models.staging import read_batches

if TYPE_CHECKING:
    from sqlmesh import ExecutionContext

STAGE = "wordings"
"""Name of the stage in the cache and in ``tacos.llm_calls``."""

_HEX_DIGITS = 6
_DEVIATIONS = 4.0


@dataclass(frozen=True)
class RoundsOfJudge:
    """The rounds in which a judge judges."""

    judge: Judge
    rounds: tuple[int, ...]


def rounds_by_judge(n_rounds: int, first: Judge, final: Judge) -> list[RoundsOfJudge]:
    """Who judges which rounds, each judge once.

    Args:
        n_rounds: rounds of the profile.
        first, final: as in ``judge_of_round``.
    """
    rounds: dict[Judge, list[int]] = {}
    for judging_round in range(1, n_rounds + 1):
        rounds.setdefault(judge_of_round(judging_round, first, final), []).append(judging_round)
    return [RoundsOfJudge(judge, tuple(numbers)) for judge, numbers in rounds.items()]


def audited_pairs(
    pairs: str, samples: str, share: float, rounds: Iterable[int] = (), salt: str = "wording"
) -> exp.Select:
    """The query of ``pairs_with_texts`` for a share of the pairs, chosen by hash: a larger share holds a smaller one.

    Args:
        pairs, samples: tables.
        share: 0 to 1.
        rounds: of these rounds only, where the table has those of several.
        salt: what the share is for: another one chooses other pairs.
    """
    # A share of 1 is beyond the last hash: g comes after f.
    limit = "g" if share >= 1 else f"{int(share * 16**_HEX_DIGITS):0{_HEX_DIGITS}x}"
    query = pairs_with_texts(pairs, samples).where(
        parse_one(f"SUBSTRING(MD5('{salt}-' || pairs.pair_id), 1, {_HEX_DIGITS}) < '{limit}'", dialect="duckdb")
    )
    numbers = [exp.Literal.number(number) for number in rounds]
    return query.where(exp.column("judging_round", table="pairs").isin(*numbers)) if numbers else query


def judge_in_other_words(
    context: ExecutionContext, rounds: Sequence[Sequence[int]], options: Sequence[JudgingOptions], share: float
) -> Iterator[pa.RecordBatch]:
    """Judge a share of the pairs in another wording; record batches of ``REPLY_SCHEMA``, one row per pair.

    The offline heuristic reads no prompt: its pairs are left out.

    Args:
        context: the execution context of the model.
        rounds: of every judge, those in which it judges.
        options: of every judge, whom to ask and how; none where nothing is to be asked.
        share: of the pairs, 0 to 1.

    Raises:
        EndpointError, SpendingLimitReached: see ``python_models.llm.engine.ask``.
    """
    pairs, samples = (context.resolve_table(name) for name in ("tacos.pairs", "tacos.samples"))
    for numbers, one in zip(rounds, options, strict=False):
        if one.model_name == EMBEDDED:
            continue
        query = audited_pairs(pairs, samples, share, numbers)
        n_total = context.fetchdf(exp.select("COUNT(*) AS n").from_(query.subquery("chosen")))["n"].item()
        yield from judge_pairs(read_batches(context, query), one, n_total, STAGE)


def most_audited(n_pairs: Mapping[Judge, int], share: float) -> Iterator[tuple[Judge, int]]:
    """The most pairs of each judge that the hash may choose: four standard deviations above the share of them."""
    for judge, n in n_pairs.items():
        yield judge, min(n, ceil(share * n + _DEVIATIONS * sqrt(n * share * (1 - share))))
