"""The names of fields: which are known, what each holds, and which of them a record has."""

from __future__ import annotations

import re
from functools import lru_cache

# Field that holds the turns, to the name of the format. Those of the second count only if they hold a list of turns.
CONVERSATION_FIELDS = {"messages": "messages", "conversations": "sharegpt", "conversation": "sharegpt"}
LOOSE_CONVERSATION_FIELDS = {
    **{"contents": "messages", "dialogue": "sharegpt", "dialog": "sharegpt", "data": "sharegpt"},
    **dict.fromkeys(("dialogs", "turns", "chat"), "sharegpt"),
    "segments": "segments",
}
HISTORY_FIELDS = (
    *("history", "chat_history", "conversation_history", "dialogue_history", "dialog_history"),
    *("past_conversation", "previous_messages", "past_messages", "previous_turns"),
)
# All that are filled make the instruction, in this order, then the inputs, then the options.
INSTRUCTION_FIELDS = ("instruction", "prompt", "question", "query", "problem", "input", "inputs")
INPUT_FIELDS = (
    *("input", "context", "passage", "article", "document", "paragraph", "story"),
    *("premise", "hypothesis", "sentence", "sentence1", "sentence2"),
)
OPTION_FIELDS = ("options", "choices")
OPTION_COLUMN = re.compile(r"(?:options?|choices?|op)?[_ ]?([a-h])|(?:option|choice)[_ ]?(\d)")
# The first that is filled is the response; the preferred of a pair comes before all.
CHOSEN_FIELDS = ("chosen", "chosen_response", "preferred_output", "response_chosen", "accepted", "response_j")
REJECTED_FIELDS = ("rejected", "rejected_response", "non_preferred_output", "response_rejected", "response_k")
RESPONSE_FIELDS = (
    "output",
    "response",
    "completion",
    "generation",
    "solution",
    "answer",
    "target",
    "targets",
    "answers",
    "outputs",
    "responses",
    "completions",
    "generations",
    "solutions",
    "candidates",
    "correct_answer",
    "gold_answer",
    "final_answer",
)
# Of these a text may be a list, as CSV holds it.
PLURAL_FIELDS = frozenset(("outputs", "responses", "completions", "generations", "solutions", "candidates", "answers"))
SYSTEM_FIELDS = (
    *("system", "system_prompt", "system_message"),
    *("systemprompt", "system_instruction", "systeminstruction"),
)
LABEL_FIELDS = ("kto_tag", "label")
# Columns named after who speaks; a user may also be somebody's name, so they count only if no other field does.
SPEAKER_FIELDS = ("human", "user"), ("assistant", "gpt", "bot", "chatgpt")
RECORD_FIELDS = frozenset(
    (*CONVERSATION_FIELDS, *INSTRUCTION_FIELDS, *RESPONSE_FIELDS, *CHOSEN_FIELDS, *REJECTED_FIELDS, *HISTORY_FIELDS)
)
KNOWN_FIELDS = RECORD_FIELDS | {*INPUT_FIELDS, *OPTION_FIELDS, *SYSTEM_FIELDS, *LABEL_FIELDS}
_GROUPS = {
    "labels": LABEL_FIELDS,
    "conversations": (*CONVERSATION_FIELDS, *LOOSE_CONVERSATION_FIELDS),
    "histories": HISTORY_FIELDS,
    "questions": INSTRUCTION_FIELDS,
    "inputs": INPUT_FIELDS,
    "options": OPTION_FIELDS,
    "answers": (*CHOSEN_FIELDS, *RESPONSE_FIELDS),
    "systems": SYSTEM_FIELDS,
    "rejected": REJECTED_FIELDS,
    "marks": ("labels",),
    "users": SPEAKER_FIELDS[0],
    "assistants": SPEAKER_FIELDS[1],
}


@lru_cache(maxsize=4_096)
def find_columns(keys: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """Find the known columns among the names of a record: (group, known name in small letters, name in the record)."""
    # CSV files often write their header in capitals; the exact name wins.
    names = {str(key).strip().lower(): key for key in reversed(keys)} | {key: key for key in keys}
    columns = [(group, name, names[name]) for group, known in _GROUPS.items() for name in known if name in names]
    matches = {key: match[1] or match[2] for key in keys if (match := OPTION_COLUMN.fullmatch(str(key).lower()))}
    if len(matches) > 1:
        columns += [("letters", letter, key) for key, letter in sorted(matches.items(), key=lambda item: item[1])]
    return tuple(columns)
