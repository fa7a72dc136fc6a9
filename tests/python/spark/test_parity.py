"""The whole pipeline on both engines, over the same thousand records and the same replies: equal row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from fresh_build import differing_tables
from parity_data import judge, records, tag
from spark_project import Engines, missing_for_spark
from sqlmesh import Context

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(missing_for_spark() is not None, reason=str(missing_for_spark())),
    pytest.mark.xdist_group("spark"),
]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Both projects after their first run."""
    with FakeEndpoint(Behaviour(tag=tag, judge=judge)) as server:
        both = Engines(tmp_path_factory.mktemp("engines"), server)
        both.write(records())
        both.run()
        yield both


def test_every_table_is_the_same_row_by_row(engines: Engines, project: Context) -> None:
    spark = engines.export_spark()
    assert engines.duck.query("SELECT COUNT(*) > 900 FROM tacos.samples") == [(True,)]
    assert engines.duck.query("SELECT COUNT(*) > 100 FROM tacos.selected") == [(True,)]
    assert differing_tables(project, engines.duck.root / "warehouse.duckdb", spark) == []


def test_commands_say_the_same(engines: Engines) -> None:
    (sample_id, record_id) = engines.duck.query("SELECT sample_id, record_id FROM tacos.sample_audit LIMIT 1")[0]
    for command in (["explain", sample_id, "--json"], ["explain", record_id[:12]], ["estimate", "--json"]):
        duck, spark = (each.run(*command, module="python_models.cli") for each in (engines.duck, engines.spark))
        assert spark.splitlines()[-1] == duck.splitlines()[-1], command
    for project in (engines.duck, engines.spark):
        project.run("export", str(project.root / "kept.jsonl"), module="python_models.cli")
        page = project.root / "page.html"
        project.run("report", str(page), module="python_models.cli")
        assert "There is no table" not in page.read_text(encoding="utf-8")
    kept = [(each.root / "kept.jsonl").read_bytes() for each in (engines.duck, engines.spark)]
    assert kept[0] == kept[1] != b""


def test_added_edited_and_removed_records_leave_the_same(engines: Engines, project: Context) -> None:
    changed = records()
    del changed[10:40]
    changed[60] = {"instruction": "Edited: name three rivers.", "output": "Rhine, Nile, Amazon."}
    changed += [{"instruction": f"Added number {number}?", "output": "Added. " * number} for number in range(1, 30)]
    engines.write(changed)
    output = engines.run()
    assert "edited in the dataset, or removed from it" in output
    assert "Edited: name three rivers." in json.dumps(
        engines.duck.query("SELECT instruction FROM tacos.samples WHERE instruction LIKE 'Edited%'")
    )
    assert differing_tables(project, engines.duck.root / "warehouse.duckdb", engines.export_spark()) == []
