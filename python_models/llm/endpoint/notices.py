"""What a user should hear about a model before it is asked: that it shuts down soon, that its price is old."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from datetime import date, timedelta

import httpx2

from python_models.llm.endpoint.body import MAX_BODY_BYTES
from python_models.llm.endpoint.dialect import dialect_of
from python_models.llm.endpoint.endpoint import Endpoint, shown_url
from python_models.llm.spending.prices import OLD, PRICES_PATH, Price, find_price

NEAR = timedelta(days=90)
_TIMEOUT_S = 5.0

# One line per request at INFO would fill SQLMesh's log file.
logging.getLogger("httpx2").setLevel(logging.WARNING)


def notices(endpoint: Endpoint, models: set[str], prices: dict[str, Price], today: date) -> Iterator[str]:
    """Sentences about models that are near their shutdown or whose price is old; once per model and process."""
    new = {model for model in models if not dialect_of(endpoint.base_url, model).is_looked_at}
    if not new or endpoint.is_free:
        return
    dates = _shutdown_dates(endpoint)
    for model in sorted(new):
        dialect_of(endpoint.base_url, model).is_looked_at = True
        shutdown = dates.get(model)
        if shutdown is not None and shutdown - today <= NEAR:
            yield (
                f"{shown_url(endpoint.base_url)} shuts the model {model} down on {shutdown} "
                f"({(shutdown - today).days} days from today). Set TACOS_TAGGING_MODEL or TACOS_JUDGE_MODEL to another "
                "in time; what is paid for stays in the cache."
            )
        price = find_price(prices, model)
        if price is not None and price.age_on(today) > OLD:
            yield (
                f"The price of {model} was noted on {price.valid_on}, {price.age_on(today).days} days ago. Look at the "
                f"provider's page, and set price and valid_on in {PRICES_PATH.relative_to(PRICES_PATH.parents[1])}."
            )


def _shutdown_dates(endpoint: Endpoint) -> dict[str, date]:
    """Dates by model, as far as ``GET /v1/models`` names them; many servers name none, or have no such list."""
    found: dict[str, date] = {}
    try:
        for model in json.loads(_listed(endpoint))["data"]:
            if isinstance(model.get("shutdown_date"), str):
                found[str(model["id"])] = date.fromisoformat(model["shutdown_date"])
    except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return found  # only a notice is lost; if the endpoint cannot be used, the first request says so
    return found


def _listed(endpoint: Endpoint) -> bytes:
    """The list of models as it comes, uncompressed; ValueError if it is too long, in bytes or in seconds."""
    headers = {"Accept-Encoding": "identity", "Authorization": f"Bearer {endpoint.api_key or 'none'}"}
    until = time.monotonic() + _TIMEOUT_S
    body = bytearray()
    with (
        httpx2.Client(timeout=_TIMEOUT_S, headers=headers, follow_redirects=True) as client,
        client.stream("GET", f"{endpoint.base_url}/models") as response,
    ):
        for piece in response.iter_raw():
            body += piece
            if len(body) > MAX_BODY_BYTES or time.monotonic() > until:
                raise ValueError("no list of models within bounds")
    return bytes(body)
