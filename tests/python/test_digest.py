"""Edited logic is a change of the models that use it, however deep it lies; an edited engine rebuilds nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from python_models import digest
from python_models.digest import covered_modules, source_digest
from python_models.settings import PROJECT_ROOT


@pytest.mark.parametrize(
    ("names", "covered"),
    [
        (("judging/pairs",), {"judging/heuristic.py", "embedded/judge.py", "embedded/features.py", "llm/replies.py"}),
        (("embedded/judge",), {"embedded/features.py", "embedded/languages.py"}),
        (("tagging",), {"tagging/requests.py", "embedded/examples.py", "embedded/embedder.py", "llm/fence.py"}),
        (("source",), {"source/conversations.py", "source/texts.py"}),
    ],
)
def test_a_digest_covers_what_is_imported(names: tuple[str, ...], covered: set[str]) -> None:
    assert covered <= covered_modules(*names)


def test_a_digest_leaves_out_how_the_work_is_done() -> None:
    covered = covered_modules("judging/pairs", "tagging", "source")
    assert not [file for file in covered if file.startswith(("llm/cache/", "llm/endpoint/", "settings", "staging"))]


def test_an_edit_deep_below_changes_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "python_models"
    (package / "judging").mkdir(parents=True)
    (package / "judging/pairs.py").write_text("def judge():\n    from python_models.judging import rules\n")
    (package / "judging/rules.py").write_text("LIMIT = 1\n")
    monkeypatch.setattr(digest, "_PACKAGE", package)
    digest._imports_of.cache_clear()
    before = source_digest("judging/pairs")
    (package / "judging/rules.py").write_text("LIMIT = 2\n")
    assert source_digest("judging/pairs") != before
    digest._imports_of.cache_clear()


def test_a_name_that_is_gone_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        source_digest("judging/gone")


def test_every_python_model_shows_the_logic_that_it_calls() -> None:
    """What `execute` imports stands in the digest of the file, or decides how the work is done only."""
    missing = []
    files = sorted((PROJECT_ROOT / "models").rglob("*.py"))
    assert len(files) > 8
    for file in files:
        text = file.read_text(encoding="utf-8")
        called = re.search(r"source_digest\(([^)]*)\)", text)
        covered = covered_modules(*re.findall(r'"([^"]+)"', called[1])) if called else set()
        for module in re.findall(r"^    from python_models\.(\S+) import", text, re.MULTILINE):
            path = f"{module.replace('.', '/')}.py"
            if digest._decides_what(path) and path not in covered:
                missing.append(f"{file.name}: {path}")
    assert missing == []
