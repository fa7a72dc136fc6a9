"""The commands of the pages that are marked as cheap do what the pages say, on a project that was built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from built_project import ONE_WORKER
from fake_endpoint import FakeEndpoint
from project_copy import ProjectCopy
from test_docs import PAGES

MARKED = re.compile(r"^<!-- run -->\n```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def make_commands(folder: Path) -> Path:
    """A folder with ``tacos`` and ``sqlmesh`` as an activated environment has them."""
    folder.mkdir()
    for name, module in (
        ("tacos", "python_models.cli import main"),
        ("sqlmesh", "sqlmesh.cli.main import cli as main"),
    ):
        (folder / name).write_text(f"#!{sys.executable}\nimport sys\nfrom {module}\nsys.exit(main())\n")
        (folder / name).chmod(0o755)
    return folder


@ONE_WORKER
@pytest.mark.slow
def test_the_cheap_commands_of_the_pages_run(
    built_project: ProjectCopy, built_endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    project, n_calls = built_project, built_endpoint.record.n_requests
    commands = make_commands(tmp_path / "bin")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("TACOS_", "OPENAI_"))}
    shell |= project.variables() | {"PYTHONPATH": str(project.root), "PATH": f"{commands}:{os.environ['PATH']}"}
    marked = [text for path in PAGES for text in MARKED.findall(path.read_text("utf-8"))]
    assert len(marked) >= 4
    for text in marked:
        text = text.replace("--split 0.95", "--split 0.5")  # of the few that are kept here
        done = subprocess.run(
            ["bash", "-ec", text], cwd=project.root, env=shell, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, text + done.stdout + done.stderr
    written = {"kept.jsonl", "kept.parquet", "kept.train.jsonl", "kept.validation.jsonl", "dataset_info.json"}
    assert written | {"kept.axolotl.yaml", "replies.jsonl.gz"} <= {path.name for path in project.root.iterdir()}
    assert built_endpoint.record.n_requests == n_calls, "a cheap command asked the endpoint"
