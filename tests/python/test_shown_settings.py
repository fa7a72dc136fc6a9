"""A setting that a model and something above it depend on stands in the SQL of both, so that both are rebuilt.

SQLMesh compares the optimized SQL. Where it stays the same although a variable changed, the change of the model is
called non-breaking and its children keep their tables, even where what the model reads is made anew.
"""

from __future__ import annotations

import ast
from functools import cache

import pytest
from sqlmesh import Context
from sqlmesh.core.model import Model, SqlModel
from test_metamorphic import ALTERNATIVES

from python_models.settings import PROJECT_ROOT

pytestmark = pytest.mark.long

VARIABLES = "__sqlmesh__vars__"


def test_every_variable_has_another_value() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TACOS_GATEWAY", "openai")
        config = Context(paths=str(PROJECT_ROOT), load=False).config
    names = set(config.variables) | set(config.gateways["openai"].variables)
    assert names == set(ALTERNATIVES)


def variables_of(model: Model) -> frozenset[str]:
    stored = model.python_env.get(VARIABLES)
    return frozenset(stored_values(model)) if stored else frozenset()


def stored_values(model: Model) -> dict[str, object]:
    values: dict[str, object] = ast.literal_eval(model.python_env[VARIABLES].payload)
    return values


def with_variable(model: SqlModel, name: str, value: object) -> SqlModel:
    """The model with another value of a variable."""
    environment = dict(model.python_env)
    payload = repr({**stored_values(model), name: value})
    environment[VARIABLES] = environment[VARIABLES].copy(update={"payload": payload})
    return model.copy(update={"python_env": environment})


def test_a_setting_shows_in_every_model_between_those_that_use_it(project: Context) -> None:
    @cache
    def used_above(name: str) -> frozenset[str]:
        parents = [parent for parent in project.models[name].depends_on if parent in project.models]
        return frozenset().union(*(variables_of(project.models[parent]) | used_above(parent) for parent in parents))

    hidden, n_checked = [], 0
    for name in project.dag.sorted:
        model = project.models.get(name)
        if not isinstance(model, SqlModel):
            continue
        for variable in sorted(variables_of(model) & used_above(name)):
            n_checked += 1
            changed = with_variable(model, variable, ALTERNATIVES[variable])
            if model.render_query_or_raise().sql() == changed.render_query_or_raise().sql():
                hidden.append(f"{model.name}: {variable}")
    assert n_checked > 10
    assert hidden == []
