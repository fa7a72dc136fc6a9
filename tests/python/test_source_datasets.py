"""Records as the field's datasets publish them, smallest of their kind: what their authors mean, or why not."""

from __future__ import annotations

from typing import Any

import pytest

from python_models.source.formats import parse
from python_models.source.marks import UNDESIRED
from python_models.source.wrappers import expand

Read = tuple[str | None, str, str]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


TALK = [user("Q"), assistant("A")]


def read(record: dict[str, Any]) -> list[tuple[str | None, str | None, str | None] | str]:
    """System prompt, instruction and response of each record, or the reason for refusing it."""
    parsed = [parse(item, {}) for item in expand(record)]
    return [item.error or (item.system_prompt, item.instruction, item.response) for item in parsed]


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ({"is_bad": True}, "is_bad is true"),
        ({"is_bad": 1}, "is_bad is true"),
        ({"desirable": False}, "desirable is false"),
        ({"desirable": "no"}, "desirable is false"),
        ({"is_good": 0}, "is_good is false"),
        ({"is_good": "False"}, "is_good is false"),
        ({"accepted": False}, "accepted is false"),
        ({"accepted": "false"}, "accepted is false"),
        ({"quality": "low"}, "quality is low"),
        ({"chosen": False}, "chosen is false"),
        ({"rejected": True}, "rejected is true"),
        ({"is_correct": 0.0}, "is_correct is false"),
        ({"correct": False}, "correct is false"),
        ({"is_safe": False}, "is_safe is false"),
        ({"thumbs_up": False}, "thumbs_up is false"),
        ({"feedback": "thumbs_down"}, "feedback is thumbs_down"),
        ({"quality": "Bad"}, "quality is bad"),
        ({"status": "discarded"}, "status is discarded"),
    ],
)
def test_12_a_record_that_its_author_marks_as_bad_is_refused(mark: dict[str, Any], reason: str) -> None:
    for record in ({"instruction": "Q", "output": "A"}, {"prompt": "Q", "completion": "A"}, {"messages": TALK}):
        assert read(record | mark) == [f"undesired: {reason}"]


@pytest.mark.parametrize(
    "mark",
    [{"is_bad": False}, {"is_bad": "0"}, {"desirable": True}, {"is_good": 1}, {"accepted": True}, {"accepted": "true"},
     {"correct": 0}, {"good": 0}, {"status": "ok"}, {"feedback": "Bad luck, try again."}, {"is_correct": None},
     {"quality": 3}, {"rejected": False}, {"is_safe": True}],
)  # fmt: skip
def test_12_other_marks_and_what_may_be_none_refuse_nothing(mark: dict[str, Any]) -> None:
    assert read({"instruction": "Q", "output": "A"} | mark) == [(None, "Q", "A")]


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ({"accepted": 0}, "undesired: accepted is false"),
        ({"accepted": "0"}, "undesired: accepted is false"),
        ({"rejected": 1}, "undesired: rejected is true"),
        ({"accepted": "1"}, (None, "Q", "A")),
        ({"chosen": "0"}, (None, "Q", "A")),  # which of several, or whether: no answer in any case
        ({"rejected": 0}, (None, "Q", "A")),
    ],
)
def test_12_a_number_beside_the_answer_is_a_mark(mark: dict[str, Any], expected: Any) -> None:
    for record in ({"instruction": "Q", "output": "A"}, {"messages": TALK}):
        assert read(record | mark) == [expected]


def test_12_an_answer_that_says_false_is_no_mark() -> None:
    assert read({"question": "Q", "chosen": "0"}) == [(None, "Q", "0")]
    assert read({"question": "Q", "passage": "P", "answer": False}) == [(None, "Q\n\nP", "false")]
    assert read({"prompt": "Q", "accepted": "false", "rejected": "true"}) == [(None, "Q", "false")]
    assert "false" in UNDESIRED


PAIR = {"prompt": "Q", "response_a": "a", "response_b": "b"}


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        (PAIR | {"winner": "model_b"}, "b"),
        (PAIR | {"winner": "A"}, "a"),
        (PAIR | {"model_a": "x", "model_b": "y", "winner": "y"}, "b"),
        (PAIR | {"preferred": "response_b"}, "b"),
        (PAIR | {"preference": "second"}, "b"),
        (PAIR | {"chosen": "response_b"}, "b"),
        (PAIR | {"score_a": 1, "score_b": 2.5}, "b"),
        (PAIR | {"winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0}, "b"),
        ({"prompt": "Q", "response_0": "a", "response_1": "b", "better_response_id": 1, "safer_response_id": 0}, "b"),
        ({"prompt": "Q", "response_0": "a", "response_1": "b", "safer_response_id": "1"}, "b"),
        ({"instruction": "Q", "output_1": "a", "output_2": "b", "preference": 2}, "b"),
        ({"prompt": "Q", "response1": "b", "response2": "a", "overall_preference": -1}, "b"),
        ({"context": [user("Q")], "response1": "a", "response2": "b", "overall_preference": 3}, "b"),
        ({"history": "Q", "human_ref_A": "b", "human_ref_B": "a", "labels": 1}, "b"),
        ({"history": "Q", "human_ref_A": "a", "human_ref_B": "b", "labels": 0}, "b"),
        ({"question": {"full_text": "Q"}, "answer_0": "a", "score_0": -1, "answer_1": "b", "score_1": 1}, "b"),
        ({"conversation_a": [user("Q"), assistant("a")], "conversation_b": [user("Q"), assistant("b")],
          "winner": "model_b"}, "b"),
        ({"messages": [user("Q")], "response_a": "a", "response_b": "b", "winner": "b"}, "b"),
        ({"prompt": '["Q"]', "response_a": '["a"]', "response_b": '["b"]', "winner_model_b": 1}, "b"),
    ],
)  # fmt: skip
def test_12_of_a_pair_the_winner_is_the_response(record: dict[str, Any], answer: str) -> None:
    assert read(record) == [(None, "Q", answer)]


@pytest.mark.parametrize(
    ("mark", "why"),
    [
        ({}, ""),
        ({"winner": "tie"}, ": winner is tie"),
        ({"winner": "tie (bothbad)"}, ": winner is tie (bothbad)"),
        ({"winner": "both_bad", "score_a": 1, "score_b": 2}, ": winner is both_bad"),
        ({"winner": "neither"}, ": winner is neither"),
        ({"winner_model_a": 0, "winner_model_b": 0, "winner_tie": 1}, ": winner_tie is 1"),
        ({"overall_preference": 0}, ": overall_preference is 0"),
        ({"score_a": 2, "score_b": 2}, ": their scores are equal"),
        ({"winner": 1}, ": winner is 1"),  # the first, or the second counted from 0?
        ({"winner": "c"}, ": winner is c"),
    ],
)
def test_12_a_tie_or_an_uncertain_winner_is_refused(mark: dict[str, Any], why: str) -> None:
    assert read(PAIR | mark) == [f"2 answers (response_a, response_b), none preferred{why}"]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"instruction": "Q", "completions": [{"response": "a", "overall_score": 7.0, "fine-grained_score": 5},
                                              {"response": "b", "overall_score": 8.5, "fine-grained_score": 4}]}, "b"),
        ({"instruction": "Q", "completions": [{"response": "a", "score": 7, "fine-grained_score": 4.0},
                                              {"response": "b", "score": 7, "fine-grained_score": 4.5}]}, "b"),
        ({"instruction": "Q", "completions": [{"response": "a", "score": 7}, {"response": "b", "score": 7}]},
         "2 answers in completions, none preferred"),
        ({"prompt": "\n\nHuman: Q\n\nAssistant: ", "answers": [{"answer": "a", "rank": 2.0},
                                                               {"answer": "b", "rank": 1.0}]}, "b"),
        ({"prompt": "Q", "responses": ["a", "b"], "ratings": [3, 4.5]}, "b"),
        ({"question": "Q", "answers": [{"text": "a", "selected": False, "pm_score": 3},
                                       {"text": "b", "selected": True, "pm_score": 1}]}, "b"),
        ({"question": "Q", "answers": {"text": ["a", "b"], "score": [3, 9]}}, "b"),
        ({"question": "Q", "answers": [{"text": "b", "answer_start": 0}, {"text": "a", "answer_start": 3}]}, "b"),
        ({"conversation": TALK, "chosen": [user("Q"), assistant("b")], "rejected": TALK}, "b"),
        ({"messages": TALK, "chosen": "b", "rejected": "A"}, "b"),
        ({"prompt": {"text": "Q", "role": "prompter", "replies": [
            {"text": "a", "role": "assistant", "rank": 1, "replies": []},
            {"text": "b", "role": "assistant", "rank": 0, "replies": []}]}}, "b"),
        ({"prompt": {"text": "Q", "role": "prompter", "replies": [
            {"text": "b", "role": "assistant", "replies": [
                {"text": "C", "role": "prompter", "replies": []}, {"text": "D", "role": "prompter", "replies": []}]},
            {"text": "a", "role": "assistant", "deleted": True, "replies": []}]}}, "b"),
        ({"prompt": {"text": "Q", "role": "prompter", "replies": [
            {"text": "a", "role": "assistant"}, {"text": "b", "role": "assistant"}]}},
         "2 answers in replies, none preferred"),
    ],
)  # fmt: skip
def test_12_ranks_and_scores_choose_among_answers(record: dict[str, Any], expected: str) -> None:
    assert read(record) == [(None, "Q", "b") if expected == "b" else expected]


@pytest.mark.parametrize(
    ("record", "instruction"),
    [
        ({"context": "C", "conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}, "C\n\nQ"),
        ({"instruction": "I", "messages": TALK}, "I\n\nQ"),
        ({"instruction": "I", "context": "C", "messages": TALK}, "I\n\nC\n\nQ"),
        ({"documents": ["D1", {"title": "t", "text": "D2"}], "messages": TALK}, "D1\n\nD2\n\nQ"),
        ({"prompt": " q ", "messages": TALK}, "Q"),  # a copy of the first question
        ({"prompt": "Human: Q\n\nAssistant:", "messages": TALK}, "Q"),  # or the question in a template
        ({"prompt": "Be brief.\nQ", "messages": TALK}, "Be brief.\nQ"),  # the question and more
        ({"context": "N/A", "messages": TALK}, "Q"),
        ({"context": 7, "query": {"id": 1}, "messages": TALK}, "Q"),
        ({"instruction": "I", "prompt": [user("Q")], "completion": [assistant("A")]}, "I\n\nQ"),
        ({"context": "C", "prompt": [user("Q")], "chosen": [assistant("A")]}, "C\n\nQ"),
    ],
)
def test_1_nothing_beside_a_conversation_is_lost(record: dict[str, Any], instruction: str) -> None:
    assert read(record) == [(None, instruction, "A")]


@pytest.mark.parametrize(
    "record",
    [
        {"sys": "S", "prompt": "Q", "response": "A"},
        {"sys": "S", "messages": TALK},
        {"messages": [{"role": "sys", "content": "S"}, *TALK]},
        {"meta_instruction": "S", "user_prompt": "Q", "assistant_response": "A"},
        {"system": "SYSTEM: S", "chat": "USER: Q\n\n\nASSISTANT: A <|endoftext|>\n\n\n"},
        {"text": "S\n\n### Human: Q### Assistant: A"},
        {"text": "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>"},
        {"text": "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nQ [/INST] A </s>"},
        {"text": "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user"
                 "<|end_header_id|>\n\nQ<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>"},
        {"text": "<|system|>\nS</s>\n<|user|>\nQ</s>\n<|assistant|>\nA</s>"},
        {"input": "S\n[|Human|] Q\n[|AI|] A\n[|Human|] "},
    ],
)  # fmt: skip
def test_13_the_system_prompt_has_many_names(record: dict[str, Any]) -> None:
    assert read(record) == [("S", "Q", "A")]


@pytest.mark.parametrize(
    "record",
    [
        {"text": "\n\nHuman: Q\n\nAssistant: A"},
        {"text": "### Human: Q### Assistant: A"},
        {"text": "Below is an instruction that describes a task.\n\n### Instruction:\nQ\n\n### Response:\nA"},
        {"text": "<start_of_turn>user\nQ<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>"},
        {"conversation": "USER: Q ASSISTANT: A</s>"},
        {"prompt": "\n\nHuman: Q\n\nAssistant:", "completion": " A"},
        {"prompt": "<s>[INST] Q [/INST]", "chosen": "A", "rejected": "B"},
        {"prompt": "Human: Q\n\nAssistant:", "chosen": "\n\nHuman: Q\n\nAssistant: A", "rejected": "x"},
        {"prompt": "Below is an instruction.\n\n### Instruction:\nQ\n\n### Response:", "completion": "A"},
    ],
)
def test_9_a_conversation_may_be_written_as_one_text(record: dict[str, Any]) -> None:
    assert read(record) == [(None, "Q", "A")]


def test_9_a_transcript_keeps_turns_calls_and_indents_apart() -> None:
    chat = (
        'USER: Q\n\n\nASSISTANT: <functioncall> {"name": "f", "arguments": \'{"x": 1}\'} <|endoftext|>\n\n\n'
        'FUNCTION RESPONSE: {"y": 2}\n\n\nASSISTANT: A <|endoftext|>'
    )
    assert read({"chat": chat}) == [(None, "Q", '{"name": "f", "arguments": {"x": 1}}\n\nA')]
    code = "\n\nHuman: Q\n\nAssistant:     def f():\n        pass\n\nHuman: Q2\n\nAssistant: A2"
    assert read({"chosen": code, "rejected": "x"}) == [(None, "Q\n\nQ2", "    def f():\n        pass\n\nA2")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"prompt": "Human: who is it?", "response": "A"}, (None, "Human: who is it?", "A")),
        ({"prompt": "### Heading\nQ", "response": "A"}, (None, "### Heading\nQ", "A")),
        ({"text": "plain text"}, "unknown format: keys text"),
        ({"text": "### Human: nobody answers"}, "unknown format: keys text"),
        ({"text": "Q", "role": "prompter", "message_id": "1", "parent_id": None},
         "one message of a conversation whose others are records of their own: join them first"),
    ],
)  # fmt: skip
def test_9_what_is_not_surely_a_conversation_is_none(record: dict[str, Any], expected: Any) -> None:
    assert read(record) == [expected]


@pytest.mark.parametrize("role", ["thought", "reasoning", "Thinking"])
def test_9_thoughts_may_be_turns_or_columns(role: str) -> None:
    thoughts = "<think>\nHm, so.\n</think>\n\nA"
    turns = [user("Q"), {"role": role, "content": "Hm, so."}, assistant("A")]
    assert read({"messages": turns}) == [(None, "Q", thoughts)]
    assert read({"question": "Q", role: "Hm, so.", "answer": "A"}) == [(None, "Q", thoughts)]
    assert read({"question": "Q", role: "on", "answer": "A"}) == [(None, "Q", "A")]  # a mode
    assert read({"messages": turns[:2]}) == ["response is missing"]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"question": "Q", "correct_answer": "A", "distractor1": "x", "support": "P"}, ("Q\n\nP", "A")),  # SciQ
        ({"question": "Q", "choices": ["x", "y"], "answer": 1}, ("Q\n\nx\ny", "y")),  # MMLU
        ({"question": "Q", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "B"},
         ("Q\n\nA. x\nB. y", "B")),  # ARC
        ({"question": {"stem": "Q", "choices": [{"text": "x", "label": "A"}]}, "answerKey": "A"}, ("Q\n\nA. x", "A")),
        ({"question_stem": "Q", "choices": ["x", "y"], "answerKey": "B"}, ("Q\n\nA. x\nB. y", "B")),
        ({"question": "Q", "opa": "x", "opb": "y", "cop": 1}, ("Q\n\nA. x\nB. y", "y")),  # MedMCQA
        ({"context": "P", "query": "Q", "options": ["x", "y"], "correct_option": 0}, ("Q\n\nP\n\nx\ny", "x")),
        ({"question": "Q", "options": ["5", "7"], "answer": "7"}, ("Q\n\n5\n7", "7")),
        ({"question": "Q", "answer": "Work.\n#### 2"}, ("Q", "Work.\n#### 2")),  # GSM8K
        ({"instruction": "Q", "context": "P", "response": "A", "category": "c"}, ("Q\n\nP", "A")),  # Dolly
        ({"prompt": "Q", "response": "A", "helpfulness": 0, "correctness": 0}, ("Q", "A")),  # HelpSteer
        ({"definition": "D", "inputs": "I", "targets": "A"}, ("D\n\nI", "A")),  # Natural Instructions
        ({"Definition": ["D"], "Instances": [{"input": "I", "output": ["A"]}]}, ("D\n\nI", "A")),
        ({"query": "Q", "tools": "[]", "answers": '[{"name": "f", "arguments": {"x": 1}}]'},
         ("Q", '{"name": "f", "arguments": {"x": 1}}')),  # xLAM
        ({"story": "P", "questions": ["Q1", "Q2"], "answers": {"input_text": ["A1", "A2"], "answer_start": [0, 1]}},
         ("P\n\nQ1\n\nQ2", "A1\n\nA2")),  # CoQA
        ({"query": "Q", "passages": {"is_selected": [0, 1], "passage_text": ["P1", "P2"]}, "answers": ["A"]},
         ("Q\n\nP1\n\nP2", "A")),  # MS MARCO
        ({"question": "Q", "context": {"title": ["t"], "sentences": [["S1", "S2"]]}, "answer": "A"},
         ("Q\n\nS1\n\nS2", "A")),  # HotpotQA
        ({"text": "P", "question": "Q", "answer": "A"}, ("Q\n\nP", "A")),
        ({"instruction": "Q", "output": "A", "text": "### Instruction: Q ### Response: A"}, ("Q", "A")),
        ({"input_text": "Q", "target_text": "A"}, ("Q", "A")),
        ({"source": "Q", "target": "A"}, ("Q", "A")),
        ({"source": "web", "instruction": "Q", "output": "A"}, ("Q", "A")),
        ({"question": "Q", "documents": 3, "support": 0.7, "answer": "A"}, ("Q", "A")),  # how many, how sure
    ],
)  # fmt: skip
def test_1_questions_of_public_benchmarks_are_whole(record: dict[str, Any], expected: tuple[str, str]) -> None:
    assert read(record) == [(None, *expected)]


def test_4_every_question_about_a_paragraph_is_a_record_with_the_paragraph() -> None:
    qas = [
        {"id": "1", "question": "Q1", "answers": [{"text": "A1", "answer_start": 0}, {"text": "x", "answer_start": 1}]},
        {"id": "2", "question": "Q2", "answers": [], "is_impossible": True},
    ]
    squad = {"version": "2.0", "data": [{"title": "t", "paragraphs": [{"context": "P", "qas": qas}]}]}
    assert read(squad) == [(None, "Q1\n\nP", "A1"), "response is empty"]
    pairs = {"context": "P", "qa_pairs": [{"question": "Q1", "answer": "A1"}, {"question": "Q2", "answer": "A2"}]}
    assert read(pairs) == [(None, "Q1\n\nP", "A1"), (None, "Q2\n\nP", "A2")]
    assert read({"messages": TALK, "qa": [{"question": "x", "answer": "y"}]}) == [(None, "Q", "A")]
