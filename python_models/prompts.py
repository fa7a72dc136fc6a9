"""Prompt files: read as they are, filled in by name, refused if a variable is missing or unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from python_models.settings import PROJECT_ROOT
from python_models.terminal import UserError
from python_models.variables import configured_variables

JUDGE_WORDINGS = {"a": "judge_pair.txt", "b": "judge_pair_b.txt"}
"""Files in ``prompts/`` with the instructions to the judge, by the value of the variable ``judge_wording``."""

PROMPTS_OF_ANOTHER_GATEWAY = (
    "The prompts for {} were not read when the project was loaded: it was loaded for another gateway. Choose the "
    "gateway by TACOS_GATEWAY, not by --gateway, so that the plan shows the prompts that are used."
)

_VARIABLE = re.compile(r"\{([a-z_]+)\}")


class PromptError(UserError, ValueError):
    """A prompt file and the variables given to it do not fit each other."""


class PromptText(str):
    """A text whose ``repr`` has a line for each of its lines, so that `sqlmesh plan` shows a changed phrase as one."""

    __slots__ = ()

    def __repr__(self) -> str:
        lines = "".join(f"\n  {str.__repr__(line)}" for line in self.splitlines(keepends=True))
        return f"({lines or str.__repr__(self)})"


def prompt_text(name: str) -> PromptText:
    """Text of a file in ``prompts/``, with line ends as ``\\n``."""
    return PromptText((PROJECT_ROOT / "prompts" / name).read_text(encoding="utf-8"))


def judging_prompts() -> dict[str, PromptText]:
    """Texts of the prompt files of the configured judge of pairs: ``judge`` and ``schema``; none for the heuristic.

    Raises:
        PromptError: the variable ``judge_wording`` names no wording.
    """
    variables = configured_variables()
    file = judge_wording(JUDGE_WORDINGS, variables["judge_wording"])
    return _judge_texts(variables, file, "judge_reply.schema.json")


def other_wording_prompts() -> dict[str, PromptText]:
    """The same of the wording that ``judge_wording`` does not name; none unless ``audit_wording_share`` is above 0.

    Raises:
        PromptError: the variable ``judge_wording`` names no wording.
    """
    variables = configured_variables()
    if not variables["audit_wording_share"]:
        return {}
    asked = judge_wording(JUDGE_WORDINGS, variables["judge_wording"])
    other = next(file for file in JUDGE_WORDINGS.values() if file != asked)
    return _judge_texts(variables, other, "judge_reply.schema.json")


def second_judge_prompts() -> dict[str, PromptText]:
    """The prompts of the judge of pairs, for the second one; none unless ``audit_judge_share`` is above 0."""
    return judging_prompts() if configured_variables()["audit_judge_share"] else {}


def singleton_prompts() -> dict[str, PromptText]:
    """The same of the judge of single samples; none unless ``has_singleton_scores`` is on."""
    variables = configured_variables()
    if not variables["has_singleton_scores"]:
        return {}
    return _judge_texts(variables, "judge_single.txt", "judge_single_reply.schema.json")


def _judge_texts(variables: Mapping[str, Any], judge: str, schema: str) -> dict[str, PromptText]:
    if {model for name, model in variables.items() if name.endswith("judge_model")} <= {"", "embedded"}:
        return {}
    return {"judge": prompt_text(judge), "schema": prompt_text(schema)}


def judge_wording(texts: Mapping[str, str], name: str) -> str:
    """The one of the texts by wording (``a``, ``b``) that the variable ``judge_wording`` names.

    Raises:
        PromptError: there is no wording of that name.
    """
    if name not in texts:
        raise PromptError(f"The variable judge_wording must be one of {', '.join(texts)}, but it is {name!r}.")
    return texts[name]


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace every ``{name}`` of the template by its value, in one pass: braces inside values stay as they are.

    Raises:
        PromptError: the template names a variable that is not given, or a given one does not occur in it.
    """
    wanted = set(_VARIABLE.findall(template))
    if wanted != set(values):
        raise PromptError(
            f"The prompt uses the variables {sorted(wanted)}, but these were given: {sorted(values)}. "
            "prompts/README.md lists the variables of each prompt."
        )
    return _VARIABLE.sub(lambda match: values[match[1]], template)


def prompt_sha256(*texts: str) -> str:
    """sha256 (hex) of prompt texts in their order, as stored with every reply."""
    return sha256("\n".join(texts).encode()).hexdigest()
