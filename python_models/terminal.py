"""Foreign text on a terminal: samples, model names, file names and what endpoints say are shown, never obeyed."""

from __future__ import annotations

import re

from rich.markup import escape
from rich.text import Text

# Control characters (C0, C1), what hides or turns text around it, and half characters, which no terminal can be sent.
# Line ends, tabs and the joiners of Persian, Indic scripts and emoji stay.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def shown(text: object) -> str:
    """The text as a terminal may have it: what would act there is written out, such as ``\\x1b`` for escape.

    Args:
        text: anything; ``str`` is applied to it. Line ends (of any system) and tabs stay.
    """
    plain = str(text).replace("\r\n", "\n")
    return _UNSHOWABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), plain)


def shown_line(text: object) -> str:
    """``shown`` on one line: every run of white space is one space."""
    return shown(" ".join(str(text).split()))


def cell(text: object) -> Text:
    """``shown_line`` for a rich table, which takes square brackets in a plain string for its own markup."""
    return Text(shown_line(text))


def count(number: int, noun: str) -> str:
    """A number of things in words: ``1 sample``, ``1,020 samples``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


class UserError(Exception):
    """An error that a user can mend, in a message that may repeat foreign text.

    Attributes:
        message: the text for a terminal. ``str`` of the error is the same with square brackets escaped where rich,
            with which SQLMesh prints the errors of models, would take them for markup.
    """

    def __init__(self, message: object) -> None:
        self.message = shown(message)
        super().__init__(escape(self.message))
