"""What models cost, and how many tokens a text is."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from python_models.llm.errors import PriceError
from python_models.llm.request import ChatRequest
from python_models.settings import PROJECT_ROOT

PRICES_PATH = PROJECT_ROOT / "seeds" / "model_prices.csv"
BATCH_DISCOUNT = 0.5
"""The batch API costs half (OpenAI's pricing page)."""

OLD = timedelta(days=180)
"""A price that was noted longer ago is worth a look at the provider's page."""

_MILLION = 1_000_000
_DATED = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8})$")
_COLUMNS = ("input_usd_per_million", "cached_input_usd_per_million", "output_usd_per_million")
_WRITE_COLUMN = "cache_write_usd_per_million"
# Tokens that a chat template adds per message and per request; generous, as this is a bound.
_TOKENS_PER_MESSAGE = 8
_TOKENS_PER_REQUEST = 32


class Price(NamedTuple):
    """US dollars per million tokens, as noted on a day; writing to the endpoint's prompt cache may cost more."""

    input_usd: float
    cached_input_usd: float
    output_usd: float
    cache_write_usd: float | None = None
    valid_on: date | None = None

    def cost(
        self, n_prompt: int, n_cached: int, n_completion: int, *, n_written: int = 0, is_batch: bool = False
    ) -> float:
        """US dollars for a call; ``n_cached`` tokens, read from the endpoint's cache, are a part of ``n_prompt``.

        So are ``n_written``, which it wrote there: other ones, each at the price of writing instead of the input price.
        """
        n_cached = min(n_cached, n_prompt)
        n_written = min(n_written, n_prompt - n_cached)
        write_usd = self.input_usd if self.cache_write_usd is None else self.cache_write_usd
        usd = (n_prompt - n_cached - n_written) * self.input_usd + n_cached * self.cached_input_usd
        usd += n_written * write_usd + n_completion * self.output_usd
        return usd / _MILLION * (BATCH_DISCOUNT if is_batch else 1.0)

    def worst_cost(self, n_prompt: int, n_completion: int, *, is_batch: bool = False) -> float:
        """US dollars if nothing of the prompt is cached, and all of it is written to the cache."""
        usd = n_prompt * max(self.input_usd, self.cache_write_usd or 0.0) + n_completion * self.output_usd
        return usd / _MILLION * (BATCH_DISCOUNT if is_batch else 1.0)

    def age_on(self, today: date) -> timedelta:
        """Time since the price was noted; 0 if that is not known."""
        return today - self.valid_on if self.valid_on else timedelta(0)


def read_prices(path: Path = PRICES_PATH) -> dict[str, Price]:
    """Prices by model name, from the seed.

    Raises:
        PriceError: the file is missing or a row cannot be read; names the row.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise PriceError(f"The model prices {path} cannot be read: {error.strerror}.") from error
    prices = {}
    for number, row in enumerate(rows, start=2):
        try:
            values = [float(row[column]) for column in _COLUMNS]
            write_usd = float(row.get(_WRITE_COLUMN) or values[0])
            name = row["model_name"].strip()
            valid_on = date.fromisoformat(row["valid_on"])
        except (KeyError, TypeError, ValueError) as error:
            raise PriceError(
                f"{path}, line {number}: wanted a model name, prices and a date, got {row} ({error})."
            ) from None
        if min(*values, write_usd) < 0 or not all(value < float("inf") for value in (*values, write_usd)):
            raise PriceError(f"{path}, line {number}: prices must be 0 or more, got {row}.")
        if name in prices:
            raise PriceError(f"{path}, line {number}: {name} has a price already.")
        prices[name] = Price(values[0], values[1], values[2], write_usd, valid_on)
    return prices


def find_price(prices: Mapping[str, Price], model: str) -> Price | None:
    """The price of a model: by its name, else by its name without a date at the end; None if unknown."""
    return prices.get(model) or prices.get(_DATED.sub("", model))


def billed_model(asked: str, answered: object) -> str:
    """Whose price a reply has: the model that answered, if it says so and has a price, else the one that was asked."""
    if not isinstance(answered, str) or answered == asked:
        return asked
    return answered if find_price(_bundled_prices(), answered) else asked


@cache
def _bundled_prices() -> dict[str, Price]:
    return read_prices()


def max_prompt_tokens(request: ChatRequest) -> int:
    """An upper bound of the prompt tokens of a request: a token of a byte-level vocabulary is at least one byte."""
    n_bytes = sum(len(str(message.get("content", "")).encode("utf-8", "replace")) for message in request.messages)
    if request.reply_schema is not None:
        n_bytes += len(str(dict(request.reply_schema)))
    return n_bytes + _TOKENS_PER_MESSAGE * len(request.messages) + _TOKENS_PER_REQUEST
