"""Format, linter and unit tests of the SQL in one process, which loads the project once.

The same as ``sqlmesh format --check``, ``sqlmesh lint`` and ``sqlmesh test``, each of which loads it for ten seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sqlmesh import Context
from sqlmesh.core.console import configure_console
from sqlmesh.utils.errors import LinterError


def main() -> int:
    """Run all three, whatever fails; 1 if anything did."""
    configure_console()  # tells what is found
    context = Context(paths=str(Path(__file__).resolve().parents[1]))
    failed = [] if context.format(check=True) else ["format"]
    try:
        context.lint_models()
    except LinterError as error:
        print(error)
        failed.append("lint")
    if not context.test().wasSuccessful():
        failed.append("unit tests")
    print(f"failed: {', '.join(failed)}" if failed else "format, lint and unit tests of the SQL: all right")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
