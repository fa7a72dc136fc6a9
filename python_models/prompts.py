"""Prompt files: read as they are, filled in by name, refused if a variable is missing or unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from python_models.settings import PROJECT_ROOT

JUDGE_WORDINGS = {"a": "judge_pair.txt", "b": "judge_pair_b.txt"}
"""Files in ``prompts/`` with the instructions to the judge, by the value of the variable ``judge_wording``."""

_VARIABLE = re.compile(r"\{([a-z_]+)\}")


class PromptError(ValueError):
    """A prompt file and the variables given to it do not fit each other."""


def prompt_text(name: str) -> str:
    """Text of a file in ``prompts/``, with line ends as ``\\n``."""
    return (PROJECT_ROOT / "prompts" / name).read_text(encoding="utf-8")


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
