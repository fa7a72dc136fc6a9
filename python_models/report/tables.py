"""The tables of one environment, as the report reads them."""

from __future__ import annotations

import re
from typing import Any

from python_models.engine_connection import Connection, relations

_NAME = re.compile(r"\{(\w+)\}")


class MissingTableError(LookupError):
    """The environment has no such table: the section that needs it says so."""


class Tables:
    """Queries over an environment: ``{samples}`` in a query is that table wherever the environment has it.

    Args:
        connection: the open warehouse.
        environment: a SQLMesh environment. A plan makes views of the changed models only; the others are those of prod.
    """

    def __init__(self, connection: Connection, environment: str = "prod") -> None:
        self._connection = connection
        found = relations(connection)
        suffix = "" if environment == "prod" else f"__{environment}"
        self._places: dict[str, str] = {}
        for schema in ("tacos_internal", "tacos", f"tacos_internal{suffix}", f"tacos{suffix}"):
            self._places |= {name: f'"{place}"."{name}"' for place, name in found if place == schema}

    def has(self, name: str) -> bool:
        """Whether the environment has a table of that name."""
        return name in self._places

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """All rows of a query as dicts.

        Raises:
            MissingTableError: a table that the query names is not there.
        """
        result = self._connection.execute(_NAME.sub(self._place, query), parameters)
        names = [column[0] for column in result.description]
        return [dict(zip(names, values, strict=True)) for values in result.fetchall()]

    def _place(self, match: re.Match[str]) -> str:
        name = match[1]
        if name not in self._places:
            raise MissingTableError(name)
        return self._places[name]
