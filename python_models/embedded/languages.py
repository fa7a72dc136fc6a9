"""Script and language of a text, told by its characters and its function words: enough to see a wrong language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_SCRIPTS = {
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "greek": re.compile(r"[\u0370-\u03ff]"),
    "arabic": re.compile(r"[\u0600-\u06ff]"),
    "hebrew": re.compile(r"[\u0590-\u05ff]"),
    "devanagari": re.compile(r"[\u0900-\u097f]"),
    "thai": re.compile(r"[\u0e00-\u0e7f]"),
    "japanese": re.compile(r"[\u3040-\u30ff]"),
    "korean": re.compile(r"[\uac00-\ud7af]"),
    "han": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
}
_FEWEST_LETTERS = 8
_CJK_WORTH = 3
"""A character of a script without letters says as much as about three letters."""
_FEWEST_WORDS = 4
_CLEAR_LEAD = 2

_WORDS = {
    "english": """a about above after again all also am an and any are as at be because been before being below between
        both but by can could did do does doing down during each few for from further had has have having he her here
        hers him his how i if in into is it its just me more most my no nor not now of off on once only or other our
        out over own same she should so some such than that the their theirs them then there these they this those
        through to too under until up very was we were what when where which while who whom why will with would you
        your yours""",
    "german": """aber als am an auch auf aus bei bin bis das dass dem den der des die doch du ein eine einem einen einer
        es für habe haben hat ich ihr im ist ja kann mein mit nach nicht noch nur oder sehr sich sie sind so über um
        und uns von vor war was wenn wer wie wir wird zu zum zur""",
    "french": """à au aux avec ce ces cette dans de des du elle en est et eux il je la le les leur lui ma mais me mes
        ne nos notre nous on ou où par pas pour qu que qui sa se ses son sont sur ta te tes toi ton tu un une vos
        votre vous""",
    "spanish": """al algo como con cuando de del desde donde el él ella en entre era es esta este esto está hay la las
        le lo los más me mi muy no nos o para pero por porque que qué se ser si sí sin sobre son su sus también te
        tiene tu un una uno y ya yo""",
    "italian": """al alla anche che chi ci come con cosa da dal dei del della delle di dove e è gli ha ho i il in io la
        le lo ma mi nel nella non per perché più quando questa questo se si sono su tra tu un una uno""",
    "portuguese": """ao aos as até com como da das de dele do dos e ela ele em entre era esta este está eu foi isso já
        mais mas me meu muito na nas não no nos o os ou para pela pelo por qual que quem se sem seu sua são também
        te tem um uma você""",
    "dutch": """aan als bij dan dat de deze die dit door een en er het hij hoe ik in is je kan maar met mijn naar niet
        nog of om onder ook op over te tot uit van voor was wat we wel wij zal ze zich zijn zo""",
}
LANGUAGES = {name: frozenset(words.split()) for name, words in _WORDS.items()}
"""Function words of the languages that can be told apart within the Latin script."""

_TRANSLATION = re.compile(
    r"\b(?:translat\w*|übersetz\w*|tradu[cizt]\w*|vertaal\w*|перевод\w*|перевед\w*"
    r"|(?:in|into|auf|en|em|to|from) (?:english|german|french|spanish|italian|portuguese|dutch|russian|chinese|japanese"
    r"|korean|arabic|hindi|latin|greek|polish|turkish|swedish|mandarin"
    r"|englisch|deutsch|französisch|spanisch|italienisch"
    r"|anglais|allemand|français|espagnol|inglés|alemán|francés|español|inglês)"
    r"|how (?:do|would|can) (?:you|i|we) say|in another language|languages?)\b|翻译|翻譯|译成|英文|英语|中文|訳|번역",
    re.IGNORECASE,
)


def script_of(text: str) -> str | None:
    """The script that most of the text is written in, None for too few letters to tell."""
    counts = Counter({name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()})
    # Japanese is written with Han characters too, but Chinese never with kana.
    if counts["japanese"] * 10 > counts["han"]:
        counts["japanese"] += counts.pop("han", 0)
    for name in ("han", "japanese", "korean"):
        counts[name] *= _CJK_WORTH
    name, count = counts.most_common(1)[0]
    return name if count >= _FEWEST_LETTERS else None


def language_of(words: Sequence[str]) -> str | None:
    """The language whose function words clearly occur most often among the words, None if it cannot be told.

    It takes four function words or more, and twice as many as of the second language.
    """
    counts = Counter({name: sum(word in vocabulary for word in words) for name, vocabulary in LANGUAGES.items()})
    (first, most), (_, second) = counts.most_common(2)
    return first if most >= _FEWEST_WORDS and most >= _CLEAR_LEAD * second else None


def is_translation_wanted(instruction: str) -> bool:
    """Whether another language than the instruction's may be right: it asks for one."""
    return bool(_TRANSLATION.search(instruction))
