"""Draw what ``tacos run`` prints, as SVG: ``python docs/record_run.py docs/first_run.svg`` (a run of its own)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 100


def main(path: str) -> None:
    """Run the pipeline on the bundled samples in a scratch warehouse, and draw its output."""
    code = "import sys; from python_models.cli import main; sys.exit(main(['run']))"
    with tempfile.TemporaryDirectory() as folder:
        places = {"TACOS_DATABASE": f"{folder}/warehouse.duckdb", "TACOS_CACHE": f"{folder}/cache.sqlite"}
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code],
            env=os.environ | places | {"COLUMNS": str(COLUMNS), "PYTHON_DOTENV_DISABLED": "1"},
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
    draw(done.stdout, path)


def draw(output: str, path: str) -> None:
    """Draw the lines that stay on a terminal: of the progress of a stage, which is one live line there, the last."""
    lines = [line for line in output.splitlines() if not re.search(r"failed, .*(spent| left)$", line)]
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text("\n".join(["$ make run", *lines])))
    console.save_svg(path, title="make run")


if __name__ == "__main__":
    main(sys.argv[1])
