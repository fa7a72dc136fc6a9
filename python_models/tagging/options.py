"""What decides the tags, beside the instructions: the model, the prompts, the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from python_models.prompts import prompt_sha256, prompt_text

EMBEDDED = "embedded"
"""Model name that stands for the language model that runs on this machine."""

_PROMPT_FILES = {
    "capable": "tag_instruction.txt",
    "capable_reply": "tag_no_explanation.txt",
    "capable_reply_explained": "tag_explanation.txt",
    "capable_schema": "tag_reply_brief.schema.json",
    "capable_schema_explained": "tag_reply.schema.json",
    "embedded": "tag_instruction_embedded.txt",
    "embedded_examples": "tag_instruction_embedded.jsonl",
    "embedded_schema": "tag_reply_embedded.schema.json",
}


def tagging_prompts() -> dict[str, str]:
    """Texts of all prompt files of the stage; ``prompts/README.md`` says what each is."""
    return {name: prompt_text(file) for name, file in _PROMPT_FILES.items()}


@dataclass(frozen=True)
class TaggingOptions:
    """What decides the tags, beside the instructions.

    Attributes:
        model_name: name of the tagging model, or ``embedded``.
        prompts: texts of the prompt files, by the names of ``tagging_prompts``.
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

    @property
    def is_embedded(self) -> bool:
        """Whether the model on this machine is asked."""
        return self.model_name == EMBEDDED

    @property
    def prompt_sha256(self) -> str:
        """sha256 of the prompt files that are in use, as stored with every reply."""
        used = (text for name, text in sorted(self.prompts.items()) if name.startswith("embedded") == self.is_embedded)
        return prompt_sha256(*used)
