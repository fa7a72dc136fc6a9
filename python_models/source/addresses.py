"""Addresses in the place of a path: what they name has to be fetched first."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


def how_to_fetch(dataset: str) -> str | None:
    """The command that fetches what an address names; None of a path."""
    address = _ADDRESS.match(dataset)
    if address is None:
        return None
    scheme = address[1].lower()
    if scheme in ("http", "https"):
        return f"curl -fLO '{dataset}'"
    if scheme == "hf":
        return "huggingface-cli download --repo-type dataset"
    return "aws s3 sync" if scheme.startswith("s3") else "with the tool of that storage"
