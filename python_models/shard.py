"""A share of the requests: several processes send for one project, each of them what is its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DIGITS = 15
"""Hex digits of a key that choose the shard: 60 bits, far more than there are shards."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard ``number`` (from 1) of ``count``. Every process of a project must be given the same count.

    Raises:
        ValueError: the number is not one of 1 to count.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"there is no shard {self.number} of {self.count}")

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``2/8``.

        Raises:
            ValueError: it is not that.
        """
        found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
        if not found:
            raise ValueError(f"{text!r} is not like 2/8")
        return cls(int(found[1]), int(found[2]))

    def holds(self, first_key: str) -> bool:
        """Whether a request is this shard's to send, by the key (sha256 in hex) of its first attempt.

        Later attempts go where the first one went, so that no two processes ask again for the same reply.
        """
        return int(first_key[:_DIGITS], 16) % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
