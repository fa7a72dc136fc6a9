"""The comparison of two benchmark results names what became worse, and nothing that is noise."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compare import worse

from python_models.settings import PROJECT_ROOT

RESULT: dict[str, Any] = {
    "machine": {"cpu": "a", "n_cores": 2, "load_average": 1.0},
    "sizes": {"52000": {"seconds": 30.0, "peak_gb": 2.0, "n_tables": 77, "stages": {"judging": 9.0, "source": 0.3}}},
    "engine": {"calls_per_s": 1000.0, "calls": 10},
}


def changed(**values: float) -> dict[str, Any]:
    """The result with other figures."""
    result = copy.deepcopy(RESULT)
    size = result["sizes"]["52000"]
    for name, value in values.items():
        place = next(part for part in (size, size["stages"], result["engine"]) if name in part)
        place[name] = value
    return result


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, {}),
        ({"seconds": 32.9}, {}),
        ({"seconds": 36.0}, {"sizes.52000.seconds": 1.2}),
        ({"seconds": 15.0}, {}),
        ({"judging": 18.0}, {"sizes.52000.stages.judging": 2.0}),
        ({"source": 0.45}, {}),  # half as much again, but a moment
        ({"peak_gb": 3.0}, {"sizes.52000.peak_gb": 1.5}),
        ({"n_tables": 150}, {}),
        ({"calls_per_s": 500.0}, {"engine.calls_per_s": 2.0}),
        ({"calls_per_s": 2000.0}, {}),
        ({"calls": 20}, {"engine.calls": 2.0}),
    ],
)
def test_what_became_worse(values: dict[str, float], named: dict[str, float]) -> None:
    assert worse([RESULT], [changed(**values)]) == named


def test_noise_is_measured_where_there_are_several_pairs() -> None:
    noisy = [changed(seconds=seconds) for seconds in (31.0, 45.0, 33.0)]
    assert worse([RESULT] * 3, noisy) == {}
    steady = [changed(seconds=seconds) for seconds in (36.0, 37.0, 36.5)]
    assert worse([RESULT] * 3, steady) == {"sizes.52000.seconds": 1.22}
    assert worse([RESULT] * 3, [*steady[:2], changed(seconds=29.0)]) == {}, "one pair disagrees"


@pytest.mark.parametrize(("values", "code"), [({}, 0), ({"seconds": 60.0}, 1)])
def test_the_exit_code_tells(tmp_path: Path, values: dict[str, float], code: int) -> None:
    for name, result in (("old", RESULT), ("new", changed(**values))):
        (tmp_path / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")
    command = [sys.executable, str(PROJECT_ROOT / "bench/compare.py"), "old.json", "new.json"]
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == code
