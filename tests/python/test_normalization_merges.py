"""Merges against independent judges: mlxtend for associations, generated truth for rules, known vectors for meaning."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from mlxtend.frequent_patterns import association_rules, fpgrowth
from mlxtend.preprocessing import TransactionEncoder
from normalization_pipeline import Normalization
from sqlmesh import Context
from tag_generator import TagTable, generate_tags

from python_models.cli import tags_diff
from python_models.cli.warehouse import WarehouseError
from python_models.diagnostics import drift
from python_models.normalization import similarity
from python_models.normalization.stemming import StemmingError, stem_words
from python_models.normalization.unicode_forms import normal_form

# One process for all: rendering the queries takes longer than running them.

N_GENERATED = 6_000


@pytest.fixture(scope="module")
def generated() -> TagTable:
    """Generated tags, and the concept that every raw tag means."""
    return generate_tags(N_GENERATED, seed=7)


@pytest.fixture(scope="module")
def normalized(project: Context, generated: TagTable) -> Normalization:
    normalization = Normalization(project, {"association_min_support": 3}, aliases=[("recipe", "recipe")])
    normalization.run(generated.carried())
    return normalization


def test_associations_are_those_of_mlxtend(normalized: Normalization) -> None:
    """The same rules, supports, confidences and lifts as fpgrowth and association_rules find in the same tags."""
    tags = normalized.frame(
        "SELECT sample_id, LIST(canonical_tag) AS tags FROM tacos_internal.sample_tags "
        "SEMI JOIN (FROM tacos.tag_frequencies WHERE is_kept) USING (canonical_tag) GROUP BY sample_id"
    )["tags"]
    encoder = TransactionEncoder()
    # Samples without a kept tag are transactions too: they count in the lift.
    transactions = [*tags, *[[]] * (N_GENERATED - len(tags))]
    items = pd.DataFrame.sparse.from_spmatrix(
        encoder.fit_transform(transactions, sparse=True), columns=encoder.columns_
    )
    itemsets = fpgrowth(items, min_support=3 / N_GENERATED, use_colnames=True, max_len=2)
    expected = {
        (*rule.antecedents, *rule.consequents): (round(rule.support * N_GENERATED), rule.confidence, rule.lift)
        for rule in association_rules(itemsets, metric="confidence", min_threshold=0).itertuples()
    }
    found = {
        (antecedent, consequent): values
        for antecedent, consequent, *values in normalized.rows(
            "SELECT antecedent, consequent, support, confidence, lift FROM tacos.tag_associations"
        )
    }
    assert len(found) > 50
    assert found.keys() == expected.keys()
    for pair, values in found.items():
        assert values == pytest.approx(expected[pair], rel=1e-9)
    merges = normalized.rows("SELECT antecedent FROM tacos.tag_associations WHERE is_merge")
    certain = {antecedent for (antecedent, _), (_, confidence, _) in expected.items() if confidence >= 0.99}
    assert merges
    assert {antecedent for (antecedent,) in merges} <= certain


def test_rules_find_the_spellings_of_a_concept(normalized: Normalization, generated: TagTable) -> None:
    """Of pairs of raw tags: how many merged ones mean the same, how many that mean the same are merged."""
    canonical = dict(normalized.rows("SELECT raw_tag, canonical_tag FROM tacos_internal.tag_rules"))
    precision, recall = generated.quality(canonical)
    assert precision >= 0.995
    assert recall >= 0.99


VECTORS = {
    "proofreading": (1.0, 0.0),
    "proof correction": (0.995, 0.0999),
    "correcting": (0.98, 0.199),
    "recipe": (0.0, 1.0),
}


def known_vectors(tags: Sequence[str], model_name: str) -> np.ndarray:
    return np.array([VECTORS[tag] for tag in tags], dtype=np.float32)


def test_semantic_aggregation_merges_what_is_near(project: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The less frequent of two near tags is merged, in its own action; far tags stay."""
    monkeypatch.setattr(similarity, "embed_tags", known_vectors)
    near = Normalization(project, {"semantic_min_similarity": 0.99})
    counts = {"proofreading": 4, "proof correction": 3, "correcting": 2, "recipe": 2}
    near.run([(f"{tag} {i}", tag) for tag, n in counts.items() for i in range(n)])
    assert near.failed_audits() == {}
    assert near.tag_map() == {
        "proofreading": "proofreading",
        "proof correction": "proofreading",
        "correcting": "proofreading",  # by way of proof correction
        "recipe": "recipe",
    }
    fates = near.rows("SELECT action, COUNT(*) FROM tacos.tag_map GROUP BY ALL ORDER BY ALL")
    assert fates == [("kept", 2), ("merged_by_similarity", 2)]


def test_semantic_aggregation_is_off_and_loads_nothing(normalized: Normalization) -> None:
    assert normalized.rows("SELECT COUNT(*) FROM tacos_internal.tag_similarities") == [(0,)]
    modules = "python_models.normalization.similarity, python_models.diagnostics.drift"
    code = f"import {modules}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_similarity_beyond_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"must be 0 \(off\) or a cosine up to 1, but it is 1.5"):
        similarity.nearest_more_frequent(["a"], "any", 1.5)


def test_drift_is_the_cosine_of_a_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "embed_tags", known_vectors)
    cosines = drift.merge_similarities(["proofreading", "recipe"], ["proofreading", "proofreading"], "any")
    assert cosines.tolist() == [1.0, 0.0]


@pytest.mark.embedded
def test_vectors_are_computed_once(project: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    from python_models.embedded import embedder
    from python_models.embedded.embedding import embed_tags

    first = embed_tags(["grammar", "recipe", "grammar"], "all-MiniLM-L6-v2")
    assert first.shape == (3, 384)
    assert np.array_equal(first[0], first[2])
    assert np.linalg.norm(first, axis=1) == pytest.approx([1, 1, 1], abs=1e-4)
    monkeypatch.setattr(embedder, "embed", None)  # a second computation would call it
    assert np.array_equal(embed_tags(["recipe"], "all-MiniLM-L6-v2")[0], first[1])


@pytest.mark.parametrize(
    "forms",
    [
        ["check", "checks", "checked", "checking"],
        ["plan", "plans", "planned", "planning"],
        ["write", "writes", "writing"],
        ["strategy", "strategies"],
        ["organization", "organizations"],
        ["class", "classes"],
        ["pdf", "pdfs"],
        ["code", "codes", "coded", "coding"],
    ],
)
def test_forms_of_a_word_have_one_stem(forms: list[str]) -> None:
    assert len(set(stem_words(forms, "english"))) == 1


def test_derived_words_have_stems_of_their_own_unless_families_are_asked_for() -> None:
    words = ["conversion", "conversation", "custom", "customer", "animal", "animation"]
    assert len(set(stem_words(words, "english"))) == len(words)
    assert len(set(stem_words(words, "english", "families"))) == len(words) // 2


OTHER_LANGUAGES = {
    "spanish": ["receta recetas", "luz luces", "comunicación comunicaciones", "técnico técnica técnicas"],
    "french": ["recette recettes", "général généraux générale", "quotidien quotidienne", "optimisé optimisée"],
    "portuguese": ["receita receitas", "tradução traduções"],
    "italian": ["ricetta ricette", "traduzione traduzioni"],
    "german": ["rezept rezepte rezepten", "haus häuser", "übersetzung übersetzungen"],
    "dutch": ["recept recepten", "vertaling vertalingen"],
    "russian": ["рецепт рецепты рецептов"],
}
FAMILIES = {
    "spanish": "comunidad comunicación producto productividad traducir traducción programa programador",
    "french": "publicité publication production productivité traduction traducteur",
    "german": "übersetzung übersetzer",
    "russian": "перевод переводчик",
}


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_forms_of_a_word_have_one_stem_in_other_languages(language: str) -> None:
    for forms in OTHER_LANGUAGES[language]:
        assert len(set(stem_words(forms.split(), language))) == 1, forms


@pytest.mark.parametrize("language", FAMILIES)
def test_derived_words_of_other_languages_have_stems_of_their_own(language: str) -> None:
    words = FAMILIES[language].split()
    assert len(set(stem_words(words, language))) == len(words)
    assert len(set(stem_words(words, language, "families"))) < len(words) or language == "russian"


APART = """emergence/emergency customs/custom canvas/Canva reasons/reasoning embedded/embedding boosting/boost
packaging/package conditioning/condition stocking/stock settings/set spacing/space locale/local logistics/logistic
goods/good glasses/glass humanities/humanity hdfs/hdf ftps/ftp parking/park unite/unit guid/guide pypi/pypy lens/len"""
TOGETHER = """quiz/quizzes gas/gases lens/lenses bus/buses matrix/matrices index/indices vertex/vertices wolf/wolves
knife/knives phenomenon/phenomena crisis/crises tooth/teeth setting/settings PDF/PDFs embedding/embeddings"""


def test_words_that_the_stemmer_gets_wrong_are_mended(project: Context) -> None:
    """Merged by stemming without meaning the same, and plurals that it misses, as found in real tags."""
    pairs = [pair.split("/") for pair in f"{APART} {TOGETHER}".split()]
    normalization = Normalization(project)
    normalization.run((f"s{n}{copy}", word) for n, pair in enumerate(pairs) for word in pair for copy in "ab")
    canonical = dict(normalization.rows("SELECT raw_tag, canonical_tag FROM tacos_internal.tag_rules"))
    for pair in pairs:
        is_one = canonical[pair[0]] == canonical[pair[1]]
        assert is_one == ("/".join(pair) in TOGETHER.split()), pair


def test_the_stemmer_leaves_names_and_other_scripts() -> None:
    names = ["c++", "node.js", "3d", "css", "写作", "हिन्दी", "r&d"]
    assert stem_words(names, "english") == names


def test_unknown_languages_and_scopes_are_refused_by_name() -> None:
    with pytest.raises(StemmingError, match="stemming_language must name a Snowball stemmer, but it is 'klingon'"):
        stem_words(["a"], "klingon")
    with pytest.raises(StemmingError, match="stemming_scope must be one of inflections, families"):
        stem_words(["a"], "english", "all")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ｃ＋＋", "C++"),
        ("ﬁction", "fiction"),
        ("e\u0301tude", "étude"),
        ("zero\u200bwidth", "zerowidth"),
        ("日本", "日本"),
    ],
)
def test_unicode_forms(text: str, expected: str) -> None:
    assert normal_form(text) == expected


@pytest.fixture
def two_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse with prod, and an environment dev that holds the changed models only, as a plan makes it."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA tacos; CREATE SCHEMA tacos__dev; CREATE SCHEMA tacos__other")
        tags = "(VALUES ('a', 'x'), ('b', 'x'), ('a', 'y')) t(sample_id, raw_tag)"
        connection.execute(f"CREATE TABLE tacos.raw_tags AS FROM {tags}")
        fates = "CREATE TABLE {}.tag_map AS FROM (VALUES {}) t(raw_tag, normalized_tag, action, reason)"
        unchanged = "('y', 'y', 'kept', 'y')"
        connection.execute(fates.format("tacos", f"('x', 'z', 'merged_by_rule', 'x -> z'), {unchanged}"))
        connection.execute(fates.format("tacos__dev", f"('x', NULL, 'dropped_rare', 'x -> dropped'), {unchanged}"))
        connection.execute("CREATE TABLE tacos__other.clusters AS SELECT 1 AS cluster_id")
    monkeypatch.setenv("TACOS_DATABASE", str(path))
    return path


def compare(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    tags_diff.add_parser(parser.add_subparsers())
    options = parser.parse_args(["tags-diff", *arguments])
    return int(options.run(options))


@pytest.mark.usefixtures("two_environments")
def test_tags_diff_lists_changed_fates_with_their_samples(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("dev") == 0
    shown = capsys.readouterr().out
    assert "1 tag has another fate in dev than in prod; 2 samples carry it." in shown
    assert "x: z => (dropped)  [2 samples]" in shown
    assert "x -> dropped" in shown
    assert "y" not in shown.replace("by", "").split("x: z")[1]


@pytest.mark.usefixtures("two_environments")
def test_tags_diff_takes_unchanged_tables_from_prod(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("other") == 0
    assert "No tag has another fate in other than in prod." in capsys.readouterr().out


@pytest.mark.usefixtures("two_environments")
def test_tags_diff_names_the_environments_there_are() -> None:
    with pytest.raises(WarehouseError, match="no environment 'devel' in the warehouse; there are: dev, other, prod"):
        compare("devel")
