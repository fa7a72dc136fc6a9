"""The day on which each record was first seen: it decides the partition of the tables, so it must never move.

A record that the model's own table has stays where it is. Every other record on disk comes in now, whatever range of
days is being processed, under a day of that range: so no record can fall between two ranges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp
from sqlmesh.utils.errors import SQLMeshError

from python_models.source.rows import SCHEMA
from python_models.staging import read_arrow

if TYPE_CHECKING:
    from sqlmesh.core.context import BaseContext

DATED_SCHEMA = SCHEMA.append(pa.field("ingested_at", pa.date32()))

_BATCH_ROWS = 100_000
_UNKNOWN = -(2**31)
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class FirstSeen:
    """Days by record, in 24 bytes each.

    Attributes:
        ids: record ids as 16 bytes, sorted, shape ``(n_records,)``, dtype S16.
        own_days, production_days: days since 1970 on which the table being made, and the one in production, have the
            record, ``_UNKNOWN`` where it has not; shape ``(n_records,)``, int32.
    """

    ids: npt.NDArray[np.bytes_]
    own_days: npt.NDArray[np.int32]
    production_days: npt.NDArray[np.int32]

    def find(self, record_ids: list[str]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Place of each record in the arrays, and whether it is there at all; shape ``(n_ids,)`` each."""
        wanted = np.array([bytes.fromhex(record_id) for record_id in record_ids], dtype="S16")
        if not len(self.ids):
            return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), np.bool_)
        places = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return places, self.ids[places] == wanted

    def look_up(self, record_ids: list[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Own and production days of records, shape ``(n_ids,)`` each."""
        places, is_known = self.find(record_ids)
        own, production = np.full((2, len(record_ids)), _UNKNOWN, dtype=np.int32)
        own[is_known] = self.own_days[places[is_known]]
        production[is_known] = self.production_days[places[is_known]]
        return own, production


def read_first_seen(context: BaseContext, model_name: str) -> FirstSeen:
    """Read the days from the table of a model that is being made, and from the one in production.

    Args:
        context: the execution context of the model, or the project's.
        model_name: a model with the columns ``record_id`` (md5 in hex) and ``ingested_at``.
    """
    selects = [
        exp.select(
            "record_id",
            exp.alias_("ingested_at" if source == "own" else exp.cast(exp.Null(), "date"), "own_day"),
            exp.alias_("ingested_at" if source == "production" else exp.cast(exp.Null(), "date"), "production_day"),
        ).from_(table)
        for source, table in _tables(context, model_name).items()
    ]
    if not selects:
        return FirstSeen(np.zeros(0, "S16"), np.zeros(0, np.int32), np.zeros(0, np.int32))
    union = exp.union(*selects, distinct=False) if len(selects) > 1 else selects[0]
    query = (
        exp.select("UNHEX(record_id) AS id", "MIN(own_day) AS own_day", "MIN(production_day) AS production_day")
        .from_(union.subquery("seen"))
        .group_by("record_id")
        .order_by("record_id")
    )
    return collect(read_arrow(context, query, _BATCH_ROWS))


def collect(batches: Iterable[pa.RecordBatch]) -> FirstSeen:
    """Collect batches of (id BLOB, own_day DATE, production_day DATE), sorted by id."""
    ids, own_days, production_days = [np.zeros(0, "S16")], [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for batch in batches:
        ids.append(np.array(batch.column(0).to_pylist(), dtype="S16"))
        for column, days in ((1, own_days), (2, production_days)):
            days.append(batch.column(column).cast(pa.date32()).cast(pa.int32()).fill_null(_UNKNOWN).to_numpy())
    return FirstSeen(np.concatenate(ids), np.concatenate(own_days), np.concatenate(production_days))


def give_dates(
    batches: Iterable[pa.RecordBatch], first_seen: FirstSeen, start: date, end: date, today: date
) -> Iterator[pa.RecordBatch]:
    """Add the day on which each record was first seen, and leave out the records of other days.

    Args:
        batches: batches of ``SCHEMA``, all records of the dataset.
        first_seen: the days known.
        start, end: first and last day wanted, both included.
        today: the day of a record that was never seen (UTC).

    Yields:
        Batches of ``DATED_SCHEMA``. A record of the table being made keeps its day, and is left out if that is not of
        the range: its row is not touched. Any other one gets its day in production, else today, moved into the range.
    """
    first, last = _day_number(start), _day_number(end)
    for batch in batches:
        own, production = first_seen.look_up(batch.column("record_id").to_pylist())
        other = np.where(production == _UNKNOWN, _day_number(today), production)
        days = np.where(own == _UNKNOWN, np.clip(other, first, last), own).astype(np.int32)
        dated = pa.RecordBatch.from_arrays(
            [*batch.columns, pa.array(days, pa.int32()).cast(pa.date32())], schema=DATED_SCHEMA
        )
        wanted = dated.filter(pa.array((first <= days) & (days <= last)))
        if wanted.num_rows:
            yield wanted


def _tables(context: BaseContext, model_name: str) -> dict[str, Any]:
    """The tables that there are: the model's own (``own``) and the view of production (``production``)."""
    names = {"production": model_name}
    with suppress(SQLMeshError):  # a model that sqlmesh evaluate tries before any plan has no table yet
        names["own"] = context.resolve_table(model_name)
    adapter = context.engine_adapter
    return {
        source: exp.to_table(name, dialect="duckdb")
        for source, name in names.items()
        if adapter.table_exists(exp.to_table(name, dialect="duckdb"))
    }


def _day_number(day: date) -> int:
    return (day - _EPOCH).days
