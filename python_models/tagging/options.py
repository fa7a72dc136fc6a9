"""What decides the tags, beside the instructions: the model, the prompts, the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from python_models.prompts import PROMPTS_OF_ANOTHER_GATEWAY, PromptError, prompt_sha256, prompt_text
from python_models.variables import configured_variables

EMBEDDED = "embedded"
"""Model name that stands for the language model that runs on this machine."""

_CAPABLE = {"capable": "tag_instruction.txt"}
_REPLY = {
    False: {"capable_reply": "tag_no_explanation.txt", "capable_schema": "tag_reply_brief.schema.json"},
    True: {"capable_reply": "tag_explanation.txt", "capable_schema": "tag_reply.schema.json"},
}
_EMBEDDED = {
    "embedded": "tag_instruction_embedded.txt",
    "embedded_examples": "tag_instruction_embedded.jsonl",
    "embedded_schema": "tag_reply_embedded.schema.json",
}


def tagging_prompts(model_name: str, has_explanations: bool) -> dict[str, str]:
    """Texts of the prompt files that are in use; ``prompts/README.md`` says what each is.

    Args:
        model_name: name of the tagging model, or ``embedded``.
        has_explanations: whether each tag comes with a sentence of explanation; the embedded model gives none.
    """
    files = _EMBEDDED if model_name == EMBEDDED else _CAPABLE | _REPLY[has_explanations]
    return {name: prompt_text(file) for name, file in files.items()}


def configured_tagging_prompts() -> dict[str, str]:
    """``tagging_prompts`` of the variables of config.yaml, for a model file, which has no other way to know them."""
    variables = configured_variables()
    return tagging_prompts(variables["tagging_model"], variables["tag_explanations"])


@dataclass(frozen=True)
class TaggingOptions:
    """What decides the tags, beside the instructions.

    Attributes:
        model_name: name of the tagging model, or ``embedded``.
        prompts: ``tagging_prompts`` of the same model and the same ``has_explanations``.
        has_explanations: whether each tag comes with a sentence of explanation.
        max_prompt_chars: longer instructions are cut.
        max_attempts: how often one reply is asked for in one run, if it cannot be read.
        effort: how much the model reasons; empty to leave that to it.
        max_reply_tokens: room for a reply, reasoning included; 0 for automatic.
        local_model: another GGUF file for ``embedded``, None for the packaged one.
    """

    model_name: str
    prompts: Mapping[str, str]
    has_explanations: bool
    max_prompt_chars: int
    max_attempts: int
    effort: str = ""
    max_reply_tokens: int = 0
    local_model: Path | None = None

    def __post_init__(self) -> None:
        if ("embedded" in self.prompts) != self.is_embedded:
            raise PromptError(PROMPTS_OF_ANOTHER_GATEWAY.format(f"tagging_model {self.model_name}"))

    @property
    def is_embedded(self) -> bool:
        """Whether the model on this machine is asked."""
        return self.model_name == EMBEDDED

    @property
    def prompt_sha256(self) -> str:
        """sha256 of the prompt files, as stored with every reply."""
        return prompt_sha256(*(text for _, text in sorted(self.prompts.items())))
