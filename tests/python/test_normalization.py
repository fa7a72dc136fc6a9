"""What normalization must hold whatever the tags are, what it refuses, and what it does to hard words."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from normalization_pipeline import Normalization
from sqlmesh import Context
from tag_generator import SPELLINGS, deal_spellings

# One process for all: rendering the queries takes longer than running them.
pytestmark = pytest.mark.long

NAMES = ["C", "C++", "C#", ".NET", "R", "3D", "写作", "перевод", "हिन्दी", "日本語", "🙂", "Node.js", "R&D", "λ"]
WORDS = ["grammar", "check", "checks", "spelling", "recipes", "the", "a", "provide", "data", "base", "database", *NAMES]
WRITTEN = st.builds(
    lambda words, separator, style: style(separator.join(words)),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
    st.sampled_from([" ", "_", "-", "/", "", "  ", " & ", "."]),
    st.sampled_from([str, str.upper, str.title, lambda text: f'"{text}"!', lambda text: f"#{text}"]),
)
EDGES = st.text(".'&#+-_/ !\"\u0301\u200d", max_size=3)
SIGNS = st.builds(
    "{}{}{}{}".format, EDGES, st.sampled_from(["x", "a b", "C", "1", "é", "写"]), EDGES, st.sampled_from("x ")
)
TAGS = st.one_of(WRITTEN, WRITTEN, SIGNS, st.text(min_size=1, max_size=8))
# Tags come with the samples that carry them, so that many are on enough samples to be kept.
CARRIED = st.tuples(TAGS, st.sets(st.sampled_from("abcd"), min_size=1))
TABLES = st.lists(CARRIED, min_size=1, max_size=16).map(
    lambda carried: [(sample, tag) for tag, samples in carried for sample in sorted(samples)]
)
N_SAMPLES = 8
SLOW_SETUP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def normalization(project: Context) -> Normalization:
    return Normalization(project)


def normalized(normalization: Normalization, tags: list[tuple[str, str]]) -> list[tuple[str, str]]:
    normalization.run(tags, N_SAMPLES)
    return normalization.rows("SELECT sample_id, normalized_tag FROM tacos.normalized_tags ORDER BY ALL")


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW_SETUP)
@given(tags=TABLES)
def test_normalizing_twice_changes_nothing(normalization: Normalization, tags: list[tuple[str, str]]) -> None:
    once = normalized(normalization, tags)
    assert normalized(normalization, once) == once


@settings(max_examples=12, deadline=None, suppress_health_check=SLOW_SETUP)
@given(tags=TABLES, seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(
    normalization: Normalization, tags: list[tuple[str, str]], seed: int
) -> None:
    first = normalized(normalization, tags)
    first_map = normalization.rows("SELECT * FROM tacos.tag_map ORDER BY raw_tag")
    shuffled = random.Random(seed).sample(tags, len(tags))
    assert normalized(normalization, shuffled) == first
    assert normalization.rows("SELECT * FROM tacos.tag_map ORDER BY raw_tag") == first_map


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW_SETUP)
@given(tags=TABLES)
def test_every_raw_tag_has_one_fate_and_no_tag_is_empty(
    normalization: Normalization, tags: list[tuple[str, str]]
) -> None:
    normalized(normalization, tags)
    fates = normalization.rows("SELECT raw_tag, normalized_tag, action, reason FROM tacos.tag_map")
    assert Counter(raw for raw, *_ in fates) == Counter({raw for _, raw in tags})
    assert all(reason.startswith(raw) for raw, _, _, reason in fates)
    visible = [tag for _, tag, _, _ in fates if tag is not None]
    assert all(tag.strip() and any(unicodedata.category(c)[0] in "LNS" for c in tag) for tag in visible)
    assert normalization.failed_audits() == {}


@pytest.mark.parametrize("name", NAMES)
def test_names_survive(normalization: Normalization, name: str) -> None:
    normalization.run([("a", name), ("b", name)], N_SAMPLES)
    assert normalization.tag_map() == {name: name.lower()}


def test_names_are_not_confused(normalization: Normalization) -> None:
    names = ["c", "c++", "c#", ".net", "net", "r", "r&d", "3d", "d", "ios", "io", "news", "new", "css", "cs"]
    normalization.run(
        [(sample, name) for sample in ("a", "b") for name in names] + [(name, name) for name in names], 99
    )
    canonical = normalization.rows("SELECT DISTINCT canonical_tag FROM tacos_internal.tag_rules")
    assert {tag for (tag,) in canonical} == set(names)


def test_chains_of_associations_end_in_one_tag(project: Context) -> None:
    """pasta is always with recipe, recipe always with cooking: all end in cooking."""
    tags = [(f"s{i}", tag) for i in range(4) for tag in ("pasta", "recipe", "cooking")]
    tags += [(f"s{i}", tag) for i in range(4, 6) for tag in ("recipe", "cooking")] + [
        ("s6", "cooking"),
        ("s7", "cooking"),
    ]
    normalization = Normalization(project, {"association_min_bound": 0})
    normalization.run(tags, 20)
    assert set(normalization.tag_map().values()) == {"cooking"}
    assert normalization.rows("SELECT reason FROM tacos.tag_map WHERE raw_tag = 'pasta'") == [
        (
            "pasta -> merged into recipe by association 1.0, support 4"
            " -> merged into cooking by association 1.0, support 6",
        )
    ]


def test_the_order_of_the_paper_counts_spellings_alone(project: Context) -> None:
    tags = [("a", "Recipe"), ("b", "recipe"), ("c", "recipe")]
    paper = Normalization(project, {"frequency_filter": "before_rules"})
    paper.run(tags, N_SAMPLES)
    assert paper.tag_map() == {"Recipe": None, "recipe": "recipe"}
    assert paper.failed_audits() == {}


def test_an_unknown_frequency_filter_is_refused(project: Context) -> None:
    wrong = Normalization(project, {"frequency_filter": "sometimes"})
    wrong.run([("a", "x")])
    assert "must be after_rules or before_rules, but it is sometimes" in str(wrong.failed_audits())


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ([("spell check", "proofreading"), ("proofreading", "Spell-Checks")], "is part of a circle"),
        ([("spell check", "nobody writes this")], "no sample carries that tag"),
        ([("spell check", "recipe"), ("Spell_Check", "proofreading")], "2 different canonical tags"),
        ([("!!!", "recipe")], "the rules leave nothing of the alias"),
    ],
)
def test_wrong_aliases_are_refused(project: Context, aliases: list[tuple[str, str]], message: str) -> None:
    refusing = Normalization(project, aliases=aliases)
    refusing.run([("a", "spell check"), ("a", "proofreading"), ("b", "recipe")])
    found = refusing.runner.failed_audits("tacos_internal.tag_alias_targets")
    assert message in str(found)
    assert "seeds/tag_aliases.csv" in str(found)


def test_aliases_apply_to_every_spelling_and_may_be_declared(project: Context) -> None:
    aliases = [("ml", "machine learning"), ("machine learning", "machine learning")]
    declared = Normalization(project, aliases=aliases)
    declared.run([("a", "ML"), ("b", "ml!")], N_SAMPLES)
    assert declared.failed_audits() == {}
    assert set(declared.tag_map().values()) == {"machine learning"}


def written(tag: str) -> str:
    """A tag without case and separators, made in another way than the rules make it."""
    return "".join(re.split(r"[\W_]+", unicodedata.normalize("NFKC", tag).casefold()))


@pytest.mark.parametrize(
    ("language", "stemmer", "precision", "recall"),
    [
        ("english", "english", 0.86, 0.87),
        ("spanish", "spanish", 0.68, 0.92),
        ("french", "french", 0.84, 0.88),
        ("chinese", "english", 1.0, 1.0),
    ],
)
def test_spellings_of_one_meaning_become_one_tag(
    project: Context, language: str, stemmer: str, precision: float, recall: float
) -> None:
    """Measured on words chosen for being hard; where they differ in case and separators only, without exception."""
    table = deal_spellings(language)
    normalization = Normalization(project, {"stemming_language": stemmer})
    normalization.run(table.carried())
    assert normalization.failed_audits() == {}
    canonical = dict(normalization.rows("SELECT raw_tag, canonical_tag FROM tacos_internal.tag_rules"))
    joined = {(concept, written(tag)): set() for tag, concept in table.concepts.items()}
    for tag, concept in table.concepts.items():
        joined[concept, written(tag)].add(canonical[tag])
    assert len(joined) < len(canonical) - len(SPELLINGS[language]) / 3
    assert [tags for tags in joined.values() if len(tags) > 1] == []
    found = table.quality(canonical)
    assert found[0] >= precision
    assert found[1] >= recall
