"""The whole pipeline on both engines, over the same thousand records and the same replies: equal row by row."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from fresh_build import differing_tables
from parity_data import judge, records, tag
from spark_project import Engines, missing_for_spark
from sqlmesh import Context

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(missing_for_spark() is not None, reason=str(missing_for_spark())),
    pytest.mark.xdist_group("spark_tables"),
]


# Two runs have two clocks; everything else of the history is compared.
HISTORY = "SELECT * EXCLUDE (entered_at, left_at) FROM tacos.selection_history ORDER BY ALL"


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Both projects after their first run."""
    with FakeEndpoint(Behaviour(tag=tag, judge=judge)) as server:
        both = Engines(tmp_path_factory.mktemp("engines"), server)
        try:
            both.write(records())
            both.run()
            yield both
        finally:
            both.on_spark.close()


def test_every_table_is_the_same_row_by_row(engines: Engines, project: Context) -> None:
    spark = engines.export_spark()
    assert engines.duck.query("SELECT COUNT(*) > 900 FROM tacos.samples") == [(True,)]
    assert engines.duck.query("SELECT COUNT(*) > 100 FROM tacos.selected") == [(True,)]
    assert differing_tables(project, engines.duck.root / "warehouse.duckdb", spark) == []


def test_commands_say_the_same(engines: Engines) -> None:
    (sample_id, record_id) = engines.duck.query("SELECT sample_id, record_id FROM tacos.sample_audit LIMIT 1")[0]
    for command in (["explain", sample_id, "--json"], ["explain", record_id[:12]], ["estimate", "--json"]):
        duck = engines.duck.run(*command, module="python_models.cli")
        assert engines.on_spark.run(*command).strip().splitlines()[-1] == duck.strip().splitlines()[-1], command
    engines.duck.run("export", str(engines.duck.root / "kept.jsonl"), module="python_models.cli")
    engines.on_spark.run("export", str(engines.spark.root / "kept.jsonl"))
    kept = [(each.root / "kept.jsonl").read_bytes() for each in (engines.duck, engines.spark)]
    assert kept[0] == kept[1] != b""
    assert "There is no table" not in (engines.spark.root / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_added_edited_and_removed_records_leave_the_same(engines: Engines, project: Context) -> None:
    changed = records()
    del changed[10:40]
    changed[60] = {"instruction": "Edited: name three rivers.", "output": "Rhine, Nile, Amazon."}
    changed += [{"instruction": f"Added number {number}?", "output": "Added. " * number} for number in range(1, 30)]
    engines.write(changed)
    output = engines.run()
    assert "edited in the dataset, or removed from it" in output
    assert engines.duck.query("SELECT COUNT(*) FROM tacos.samples WHERE instruction LIKE 'Edited%'") == [(1,)]
    spark = engines.export_spark()
    assert differing_tables(project, engines.duck.root / "warehouse.duckdb", spark) == []
    with duckdb.connect(str(spark), read_only=True) as connection:
        assert connection.execute(HISTORY).fetchall() == engines.duck.query(HISTORY)
