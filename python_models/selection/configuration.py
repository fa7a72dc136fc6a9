"""What a selection was made under: the variables, prompts and code of the models that it comes from, as planned."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlmesh.core import constants
from sqlmesh.core.model import SeedModel, SqlModel

if TYPE_CHECKING:
    from sqlmesh.core.model import Model
    from sqlmesh.core.snapshot import Snapshot

_VARIABLES = (constants.SQLMESH_VARS, constants.SQLMESH_VARS_METADATA)
_NAMED_MODELS = 3
_SHOWN_CHARS = 80


def configuration_of(snapshots: Mapping[str, Snapshot], model_name: str) -> dict[str, str]:
    """What decides the rows of a model, from the snapshots of an environment: of itself and all models above it.

    What was edited after the last plan is not in it, as it is not in the tables either.

    Args:
        snapshots: of the environment, by name.
        model_name: the model, e.g. ``tacos.selected``.

    Returns:
        Name -> value: a variable as JSON; ``prompts of MODEL`` and ``code of MODEL`` as a digest of 12 hex digits.
    """
    by_name = {snapshot.name: snapshot for snapshot in snapshots.values()}
    waiting = [snapshot for snapshot in by_name.values() if snapshot.model.name == model_name]
    above: dict[str, Model] = {}
    while waiting:
        snapshot = waiting.pop()
        if snapshot.name not in above and snapshot.is_model:
            above[snapshot.name] = snapshot.model
            waiting += [by_name[parent.name] for parent in snapshot.parents if parent.name in by_name]
    entries: dict[str, str] = {}
    for model in above.values():
        entries |= {name: json.dumps(value, default=str) for name, value in _variables(model).items()}
        if "PROMPTS" in model.python_env:
            entries[f"prompts of {model.name}"] = _digest(model.python_env["PROMPTS"].payload)
        entries[f"code of {model.name}"] = _code_digest(model)
    return dict(sorted(entries.items()))


def configuration_digest(configuration: Mapping[str, str]) -> str:
    """Digest of a configuration, 12 hex digits."""
    return _digest(json.dumps(configuration, sort_keys=True))


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """What another configuration changes, in words: ``selection_size: 100 -> 200; edited: code of tacos.selected``.

    Empty where nothing does. A variable that only one of them knows stands with ``(none)``.
    """
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    digests = [name for name in names if name.startswith(("code of ", "prompts of "))]
    told = [f"{name}: {_shown(before.get(name))} -> {_shown(after.get(name))}" for name in names if name not in digests]
    for kind in ("prompts", "code"):
        edited = [name.removeprefix(f"{kind} of ") for name in digests if name.startswith(f"{kind} of ")]
        if edited:
            more = f" and {len(edited) - _NAMED_MODELS} more" if len(edited) > _NAMED_MODELS else ""
            told.append(f"{kind} of {', '.join(edited[:_NAMED_MODELS])}{more}")
    return "; ".join(told)


def _shown(value: str | None) -> str:
    text = "(none)" if value is None else value.strip('"') or "(empty)"
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."


def _variables(model: Model) -> dict[str, object]:
    stored = [model.python_env[name].payload for name in _VARIABLES if name in model.python_env]
    return {name: value for payload in stored for name, value in dict(ast.literal_eval(payload)).items()}


def _code_digest(model: Model) -> str:
    """Of a query as it is written and of what its macros and Python functions are; of a seed its content."""
    parts = [
        f"{name}: {executable.payload}"
        for name, executable in sorted(model.python_env.items())
        if name not in _VARIABLES and name != "PROMPTS"
    ]
    if isinstance(model, SqlModel):
        parts.append(model.query.sql(dialect=model.dialect))
    if isinstance(model, SeedModel):
        parts.append(model.data_hash)
    return _digest("\n".join(parts))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]
