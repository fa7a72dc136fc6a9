"""Sample texts inside prompts are data: cut to size, freed of control characters, fenced by what they cannot forge."""

from __future__ import annotations

import re
from hashlib import sha256

# C0 and C1 controls except tab and line feed, and the marks that reorder the display of a text (bidi overrides and
# isolates): they carry no meaning for a model, but can hide or break the structure of a request.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean_and_cut(text: str, max_chars: int) -> tuple[str, bool]:
    """Remove control characters, then shorten to about ``max_chars`` characters: the head and the tail stay.

    Args:
        text: any text.
        max_chars: at least 100; the marker of the cut comes on top.

    Returns:
        The text, and whether it was cut. The cut is marked in the text, with the number of characters left out.
    """
    if not text.replace("\n", "").isprintable():  # most texts are; nothing that is removed is, and this is much faster
        text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if len(text) <= max_chars:
        return text, False
    head, tail = max_chars * 3 // 4, max_chars - max_chars * 3 // 4
    return f"{text[:head]}\n[... {len(text) - max_chars:,} characters cut ...]\n{text[-tail:]}", True


def fence(**texts: str) -> dict[str, str]:
    """Put each text between two lines that carry its name and a code that none of the texts contains.

    The code is derived from the texts themselves, so that equal texts give equal requests; the author of a sample
    would have to find a text that contains a hash of itself to forge the closing line.

    Returns:
        The fenced texts under the same names.
    """
    joined = "\x1f".join([f"{name}\x1e{text}" for name, text in texts.items()])
    code = sha256(joined.encode("utf-8", "replace")).hexdigest()[:10]
    while code in joined:
        code = sha256(code.encode()).hexdigest()[:10]
    return {
        name: f"<<<{(shown := name.upper())} {code}>>>\n{text}\n<<<END OF {shown} {code}>>>"
        for name, text in texts.items()
    }
