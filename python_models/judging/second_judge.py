"""Pairs of the first round that the judge of the later rounds judges as well: how far two judges agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from python_models.judging.judges import Judge, judge_of_round
from python_models.judging.pairs import EMBEDDED, JudgingOptions, judge_pairs
from python_models.judging.wordings import audited_pairs
from python_models.staging import read_batches

if TYPE_CHECKING:
    from sqlmesh import ExecutionContext

STAGE = "second_judge"
"""Name of the stage in the cache and in ``tacos.llm_calls``, and of what its pairs are chosen by."""


def second_judge(n_rounds: int, first: Judge, final: Judge) -> Judge | None:
    """The judge of the last round where it is another than that of the first, and a model that can be asked.

    Args:
        n_rounds: rounds of the profile.
        first, final: as in ``judge_of_round``.
    """
    last = judge_of_round(n_rounds, first, final)
    return None if last == first or last.model_name == EMBEDDED else last


def judge_first_round_again(
    context: ExecutionContext, options: JudgingOptions | None, share: float
) -> Iterator[pa.RecordBatch]:
    """Have a share of the pairs of the first round judged once more, in the order that they have there.

    Args:
        context: the execution context of the model.
        options: the second judge, and how it is asked; None where there is none.
        share: of the pairs of the first round, 0 to 1.

    Yields:
        Record batches of ``REPLY_SCHEMA``, one row per pair.

    Raises:
        EndpointError, SpendingLimitReached: see ``python_models.llm.engine.ask``.
    """
    if options is None or not share:
        return
    pairs, samples = (context.resolve_table(name) for name in ("tacos.pairs", "tacos.samples"))
    query = audited_pairs(pairs, samples, share, (1,), salt=STAGE)
    n_total = context.fetchdf(exp.select("COUNT(*) AS n").from_(query.subquery("chosen")))["n"].item()
    yield from judge_pairs(read_batches(context, query), options, n_total, STAGE)
