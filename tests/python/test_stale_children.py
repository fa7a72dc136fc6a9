"""A plan that would leave tables stale stops before it does anything; planned by ``tacos run``, it rebuilds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmesh import Context
from sqlmesh.core.console import configure_console
from sqlmesh.utils.errors import SQLMeshError

from python_models.settings import PROJECT_ROOT
from python_models.stale_children import categorize_safely, stale_children

pytestmark = pytest.mark.long

CONFIG = """
gateways: {local: {connection: {type: duckdb, database: '%s/warehouse.duckdb'}}}
model_defaults: {dialect: duckdb, start: 2020-01-01}
disable_anonymized_analytics: true
variables: {factor: %d}
before_all: ["@NO_CHILD_STAYS_STALE()"]
"""
MACRO = """from sqlmesh import macro


@macro()
def plus_one(%s, value):
    return f"{value} + 1"
"""
MODELS = {
    "numbers": "SELECT @VAR('factor')::INT AS number",
    "plussed": "SELECT @PLUS_ONE(number)::INT AS number FROM t.numbers",
    "ones": "SELECT 1 AS one",
    "again": "SELECT @PLUS_ONE(number)::INT AS number FROM t.plussed CROSS JOIN t.ones",
    "doubled": "SELECT (number * 2)::INT AS number FROM t.again",
}


def write_project(root: Path, factor: int, evaluator: str) -> Context:
    """A chain of tables: a setting, two models that use a macro (one reads an embedded step too), and a child."""
    (root / "models").mkdir(exist_ok=True)
    (root / "macros").mkdir(exist_ok=True)
    (root / "config.yaml").write_text(CONFIG % (root, factor))
    (root / "macros/__init__.py").touch()
    (root / "macros/plus_one.py").write_text(MACRO % evaluator)
    guard = (PROJECT_ROOT / "macros/stale_children.py").read_text(encoding="utf-8")
    (root / "macros/stale_children.py").write_text(guard, encoding="utf-8")
    for name, query in MODELS.items():
        kind = "EMBEDDED" if name == "ones" else "FULL"
        (root / f"models/{name}.sql").write_text(f"MODEL (name t.{name}, kind {kind});\n{query}")
    return Context(paths=str(root))


def doubled(context: Context) -> int:
    return int(context.fetchdf("SELECT number FROM t.doubled")["number"].item())


@pytest.fixture
def built(tmp_path: Path) -> Path:
    configure_console()  # a failed plan says why in what it prints, not in its exception
    context = write_project(tmp_path, 1, "evaluator")
    context.plan(auto_apply=True, no_prompts=True, skip_tests=True)
    assert doubled(context) == 6
    context.close()
    return tmp_path


@pytest.mark.parametrize(("factor", "evaluator"), [(10, "evaluator"), (1, "the_evaluator")])
def test_a_setting_or_a_macro_alone_is_planned_as_ever(built: Path, factor: int, evaluator: str) -> None:
    context = write_project(built, factor, evaluator)
    context.plan(auto_apply=True, no_prompts=True, skip_tests=True)
    assert doubled(context) == 2 * (factor + 2)


def test_both_at_once_stop_before_anything_is_done_however_often_they_are_planned(built: Path) -> None:
    context = write_project(built, 10, "the_evaluator")
    for _ in range(2):
        with pytest.raises(SQLMeshError, match=r"t.*doubled.* reads .*again.*although .*numbers.* changes too"):
            context.plan(auto_apply=True, no_prompts=True, skip_tests=True)
    assert doubled(context) == 6


def test_both_at_once_rebuild_every_child_where_the_plan_is_categorized_safely(built: Path) -> None:
    context = write_project(built, 10, "the_evaluator")
    builder = context.plan_builder(skip_tests=True)
    assert stale_children({snapshot.name: snapshot for snapshot in builder.build().snapshots.values()})
    context.apply(categorize_safely(builder).build())
    assert doubled(context) == 24
