"""What the judge's stages still have to pay: pairs, and samples judged alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from python_models.cli.estimation import JudgingSize, StageEstimate
from python_models.cli.judging_calls import JudgingCalls, Query, calls_at_most, count_unanswered, judges_of_rounds
from python_models.judging.judges import Judge
from python_models.judging.pairs import EMBEDDED, JudgingOptions, build_request
from python_models.judging.second_judge import STAGE as SECOND_JUDGE
from python_models.judging.second_judge import second_judge
from python_models.judging.singletons import build_single_request, candidates_with_texts, parse_single_score
from python_models.judging.wordings import STAGE as WORDINGS
from python_models.judging.wordings import audited_pairs, most_audited
from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.effort import reasoning_tokens
from python_models.llm.replies import parse_scores
from python_models.prompts import judging_prompts, other_wording_prompts, second_judge_prompts, singleton_prompts


@dataclass
class JudgingEstimates:
    """Estimates of the judge's stages, an estimate per judge.

    Attributes:
        query: runs SQL on the warehouse.
        samples: reads the samples of the dataset.
        kept: tables that the plan keeps, by the name of their model; none if the samples or their tags will change.
        size: the samples of the dataset, all of them added.
        cache: the response cache as a run would find it, None if there is none.
        variables: the configuration.
    """

    query: Query
    samples: Callable[[], Iterator[dict[str, Any]]]
    kept: Mapping[str, str]
    size: JudgingSize
    cache: ResponseCache | None
    variables: Mapping[str, Any]
    _n_pairs: dict[Judge, int] = field(default_factory=dict)
    _pairs_stay: bool = False
    _first_round_stays: bool = False

    def pairs(self) -> Iterator[StageEstimate]:
        """From the pairs in the warehouse if they are those of this dataset, else a bound.

        The bound subtracts nothing: which pairs a new clustering draws is not known before it is there. Those of them
        that were judged before are free all the same.
        """
        judges = judges_of_rounds(self.variables)
        self._first_round_stays = self._stay("tacos_internal.judging_plan", "tacos_internal.pairs_1")
        if self._first_round_stays:
            options = [self._options(judge, judging_prompts()) for judge in judges]
            calls = JudgingCalls(self.query, self.kept, options, self.cache)
            calls.count()
            n_calls, n_cached, is_bound = dict(calls.n_calls), dict(calls.n_cached), calls.is_bound
        else:
            n_calls, n_cached, is_bound = calls_at_most(self.size.n_samples, self.variables), dict[Judge, int](), True
        self._n_pairs = {judge: n_calls.get(judge, 0) + n_cached.get(judge, 0) for judge in judges}
        self._pairs_stay = not is_bound
        for judge in dict.fromkeys(judges):
            estimate = StageEstimate("judging", judge.model_name, effort=judge.effort)
            if judge.model_name != EMBEDDED:
                estimate.n_cached, estimate.is_bound = n_cached.get(judge, 0), is_bound
                n_reasoning = reasoning_tokens(judge.effort)
                self.size.fill_in(estimate, n_calls.get(judge, 0), reasoning_tokens=n_reasoning)
            yield estimate

    def wordings(self) -> Iterator[StageEstimate]:
        """The share of the pairs that is judged in other words: exact where ``pairs``, called before, was exact."""
        share = float(self.variables["audit_wording_share"])
        judges = judges_of_rounds(self.variables)
        if not share:
            return
        for judge, n_most in most_audited(self._n_pairs, share):
            if judge.model_name == EMBEDDED:
                continue
            estimate = StageEstimate(WORDINGS, judge.model_name, effort=judge.effort, is_bound=not self._pairs_stay)
            if self._pairs_stay:
                options = self._options(judge, other_wording_prompts())
                rounds = [number for number, other in enumerate(judges, start=1) if other == judge]
                requests = (build_request(row, options)[0] for number in rounds for row in self._audited(number, share))
                n_pairs, n_most = count_unanswered(requests, self.cache, parse_scores)
                estimate.n_cached = n_pairs - n_most
            yield self.size.fill_in(estimate, n_most, reasoning_tokens=reasoning_tokens(judge.effort))

    def second_judge(self) -> Iterator[StageEstimate]:
        """The share of the first round that the second judge judges as well: exact where that round stays.

        ``pairs`` is called before.
        """
        share = float(self.variables["audit_judge_share"])
        judges = judges_of_rounds(self.variables)
        judge = second_judge(len(judges), judges[0], judges[-1])
        if not share or judge is None:
            return
        estimate = StageEstimate(SECOND_JUDGE, judge.model_name, effort=judge.effort)
        if self._first_round_stays:
            options = self._options(judge, second_judge_prompts())
            requests = (build_request(row, options)[0] for row in self._audited(1, share, SECOND_JUDGE))
            n_pairs, n_most = count_unanswered(requests, self.cache, parse_scores)
            estimate.n_cached = n_pairs - n_most
        else:
            ((_, n_most),) = most_audited({judge: self._n_pairs[judges[0]]}, share)
            estimate.is_bound = True
        yield self.size.fill_in(estimate, n_most, reasoning_tokens=reasoning_tokens(judge.effort))

    def _audited(self, judging_round: int, share: float, salt: str = "wording") -> Iterator[dict[str, Any]]:
        pairs, samples = self.kept[f"tacos_internal.pairs_{judging_round}"], self.kept["tacos.samples"]
        return self.query(audited_pairs(pairs, samples, share, salt=salt).sql(dialect="duckdb"))

    def singletons(self) -> Iterator[StageEstimate]:
        """Exact if the candidates stay; else for all samples, of which some may not become candidates."""
        judge = Judge(self.variables["judge_model"], self.variables["judge_effort"])
        if not self.variables["has_singleton_scores"] or judge.model_name == EMBEDDED:
            return
        estimate = StageEstimate("singletons", judge.model_name, effort=judge.effort)
        if self._stay("tacos_internal.memberships"):
            candidates = candidates_with_texts(self.kept["tacos_internal.memberships"], self.kept["tacos.samples"])
            samples = self.query(candidates.sql(dialect="duckdb"))
        else:
            samples = self.samples()
            estimate.is_bound = True
        options = self._options(judge, singleton_prompts())
        requests = (build_single_request(sample, options) for sample in samples)
        n_requests, n_missing = count_unanswered(requests, self.cache, parse_single_score)
        estimate.n_cached = n_requests - n_missing
        yield self.size.fill_in(estimate, n_missing, 1, reasoning_tokens=reasoning_tokens(judge.effort))

    def _stay(self, *tables: str) -> bool:
        """Whether the plan keeps the tables, and they are of the samples of the dataset as it is now."""
        if not {"tacos.samples", *tables} <= self.kept.keys():
            return False
        sql = f"SELECT sample_id FROM {self.kept['tacos.samples']}"  # noqa: S608
        return self.size.are_samples(row["sample_id"] for row in self.query(sql))

    def _options(self, judge: Judge, prompts: Mapping[str, str]) -> JudgingOptions:
        return JudgingOptions(
            model_name=judge.model_name,
            prompts=prompts,
            max_prompt_chars=self.variables["max_prompt_chars"],
            max_attempts=self.variables["max_attempts"],
            effort=judge.effort,
            max_reply_tokens=self.variables["judge_max_reply_tokens"],
        )
