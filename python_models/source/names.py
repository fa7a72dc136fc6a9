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
INSTRUCTION_FIELDS = (
    *("definition", "instruction", "instructions", "prompt", "question", "query", "problem"),
    *("user_prompt", "user_query", "user_input", "user_message", "user_instruction", "question_text", "question_stem"),
    *("prompt_text", "input_text", "questions", "input", "inputs"),
)
INPUT_FIELDS = (
    *("input", "context", "passage", "article", "document", "paragraph", "story", "background", "support", "evidence"),
    *("contexts", "passages", "documents"),
    *("premise", "hypothesis", "sentence", "sentence1", "sentence2"),
)
# Of these a number says how many, and is no text to answer about.
PASSAGE_FIELDS = frozenset(("background", "support", "evidence", "contexts", "passages", "documents"))
OPTION_FIELDS = ("options", "choices")
# Which of the options is right, by its mark or its number; an answer only where there are options and no other answer.
KEY_FIELDS = (
    *("answerkey", "answer_key", "correct_option", "correct_answer_index", "correct_index"),
    *("answer_index", "answer_idx", "correct", "correct_choice", "gold", "label", "cop"),
)
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
    *("best_answer", "generated_solution", "canonical_solution"),
    *("assistant_response", "model_response", "bot_response", "ai_response", "llm_response", "assistant_message"),
    *("response_text", "answer_text", "output_text", "target_text", "completion_text"),
)
# Of these a text may be a list, as CSV holds it.
PLURAL_FIELDS = frozenset(("outputs", "responses", "completions", "generations", "solutions", "candidates", "answers"))
SYSTEM_FIELDS = (
    *("system", "system_prompt", "system_message", "sys", "sys_prompt", "system_text", "meta_instruction"),
    *("systemprompt", "system_instruction", "systeminstruction"),
)
# Thoughts before the answer, if they are a text of several words and not the name of a mode.
THOUGHT_FIELDS = (
    *("reasoning_content", "reasoning", "thinking", "thought", "thoughts", "complex_cot", "chain_of_thought", "cot"),
    *("thinking_content", "reasoning_trace"),
)
# Scores of several answers in a list, one each.
RATING_FIELDS = ("ratings", "rating", "scores", "rewards")
# Marks of the whole record, see ``marks``.
LABEL_FIELDS = ("kto_tag", "label")
GOOD_FIELDS = (
    *("is_good", "good", "desirable", "is_desirable", "desired", "is_desired", "accepted", "is_accepted", "approved"),
    *("is_approved", "chosen", "is_chosen", "preferred", "is_preferred", "correct", "is_correct"),
    *("is_valid", "is_safe", "liked", "thumbs_up", "upvoted"),
)
BAD_FIELDS = (
    *("is_bad", "bad", "undesirable", "is_undesirable", "undesired", "is_undesired", "rejected"),
    *(
        "is_rejected",
        "wrong",
        "is_wrong",
        "incorrect",
        "is_incorrect",
        "discarded",
        "is_discarded",
        "is_unsafe",
        "is_harmful",
        "is_spam",
    ),
    *("disliked", "thumbs_down", "downvoted"),
)
VERDICT_FIELDS = ("feedback", "verdict", "quality", "status", "vote", "review_status", "annotation_status")
# Several answers in columns of their own, and what says which of them is preferred, see ``variants``.
VARIANT_COLUMN = re.compile(
    r"(response|output|answer|completion|generation|reply|conversation|human_ref|assistant|solution|summary)"
    r"[_ -]?([a-h]|\d)(?:_body)?"
)
PREFERENCE_FIELDS = (
    *("winner", "better_response_id", "better", "preferred", "preferred_response", "preferred_answer", "preference"),
    *("chosen", "best", "best_response", "choice", "overall_preference", "preference_strength", "human_preference"),
    *("safer_response_id", "labels", "label"),
)
# Pairs of columns of which neither says much by itself, so that they count only if no other field does: named after who
# speaks (a user may also be somebody's name), or after where a text comes from (a source may be that of the record).
PAIRED_FIELDS = (
    (("human", "user"), ("assistant", "gpt", "bot", "chatgpt")),
    (("source", "src"), ("target", "tgt")),
)
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
    "keys": KEY_FIELDS,
    "systems": SYSTEM_FIELDS,
    "thoughts": THOUGHT_FIELDS,
    "rejected": REJECTED_FIELDS,
    "marks": ("labels",),
    "ratings": RATING_FIELDS,
    "good": GOOD_FIELDS,
    "bad": BAD_FIELDS,
    "verdicts": VERDICT_FIELDS,
    "users": PAIRED_FIELDS[0][0],
    "assistants": PAIRED_FIELDS[0][1],
    "sources": PAIRED_FIELDS[1][0],
    "targets": PAIRED_FIELDS[1][1],
    "texts": ("text",),
}


@lru_cache(maxsize=4_096)
def find_columns(keys: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """Find the known columns among the names of a record: (group, known name in small letters, name in the record)."""
    # CSV files often write their header in capitals; the exact name wins.
    names = {str(key).strip().lower(): key for key in reversed(keys)} | {key: key for key in keys}
    columns = [(group, name, names[name]) for group, known in _GROUPS.items() for name in known if name in names]
    matches = {key: match[1] or match[2] for key in keys if (match := OPTION_COLUMN.fullmatch(str(key).lower()))}
    variants = [(name, key) for name, key in names.items() if VARIANT_COLUMN.fullmatch(name)]
    if len(variants) > 1:
        columns += [("variants", name, key) for name, key in sorted(variants)]
    if len(matches) > 1:
        columns += [("letters", letter, key) for key, letter in sorted(matches.items(), key=lambda item: item[1])]
    return tuple(columns)
