"""About a thousand samples and their tags, real and generated, with what engines are known to treat differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from itertools import groupby

from fake_endpoint import hash_of
from tag_generator import SPELLINGS, generate_tags

from python_models.settings import PROJECT_ROOT

N_GENERATED = 640
# Spaces that \s and TRIM mean or not, letters whose lower case has another length, composed letters, signs, emoji.
ODD_TAGS = [
    "\u00a0Summary\u2003",
    "İstanbul",
    "ΟΔΥΣΣΕΥΣ",
    "re\u0301sume\u0301",
    "résumé",
    "C++",
    "C#",
    ".NET",
    "node.js",
    "R&D",
    "Newton’s laws",
    "ﬁle handling",
    "数据、分析",
    "поэзия",
    "tips\u000band\ttricks",
    "travel ✈",
    "''quoted''",
    "the",
    "...",
]
ODD_TEXTS = [
    ("Tell me\u00a0about\u2003spaces.\u000b", "\u2003Spaces\u00a0are many.\u3000"),
    ("Tell me  about\tspaces, again.", "They\u000bare\nmany."),
    ("İstanbul nerede?", "Türkiye'de."),
    ("Ποιος είναι ο ΟΔΥΣΣΕΥΣ;", "Ένας ήρωας."),
    ("Emoji 👩‍🚀 and 🇩🇪?", "Yes 🚀."),
    ("Quote 'this' and \"that\" \\ and `these`.", "Done: \\n stays."),
    ("What is NUL\u0001?", "A control character."),
]


def records() -> list[dict[str, object]]:
    """The bundled samples, three hundred real instructions, generated ones, odd ones, copies and unusable records."""
    bundled = (PROJECT_ROOT / "seeds/sample_dataset.jsonl").read_text(encoding="utf-8").splitlines()
    kinds = (PROJECT_ROOT / "bench/data/instructions_by_kind.jsonl").read_text(encoding="utf-8").splitlines()
    made: list[dict[str, object]] = [json.loads(line) for line in bundled]
    for line in kinds:
        instruction = json.loads(line)["instruction"]
        made.append({"instruction": instruction, "output": f"Of {instruction[:20]}: " + "word " * (hash_of(line) % 90)})
    for number in range(N_GENERATED):
        length = hash_of("length", number) % 400
        made.append({"instruction": f"Write text number {number}.", "output": f"Text {number}. " + "more " * length})
    made += [{"instruction": question, "output": answer} for question, answer in ODD_TEXTS]
    made += [{"instruction": f"  {question} ", "output": answer} for question, answer in ODD_TEXTS]
    made += [{"instruction": "", "output": "An answer to nothing."}, {"unknown": 1}]
    return made


@cache
def _generated() -> list[list[str]]:
    carried = sorted(generate_tags(1_000).carried())
    return [[tag for _, tag in group] for _, group in groupby(carried, key=lambda row: row[0])]


@cache
def _spellings() -> list[str]:
    return [tag for groups in SPELLINGS.values() for group in groups[:12] for tag in group]


def tag(prompt: str) -> Sequence[str]:
    """Tags that depend on the prompt alone: generated ones, a spelling of four languages, at times an odd one."""
    tags = list(_generated()[hash_of("generated", prompt) % len(_generated())])
    tags.append(_spellings()[hash_of("spelling", prompt) % len(_spellings())])
    if hash_of("odd", prompt) % 4 == 0:
        tags.append(ODD_TAGS[hash_of("which", prompt) % len(ODD_TAGS)])
    return tags


def judge(prompt: str) -> tuple[int, int]:
    """Scores that depend on the prompt alone, few of them distinct, so that ties and equal values come up."""
    first, second = (45 + 5 * (hash_of(side, prompt) % 11) for side in ("first", "second"))
    return first, second
