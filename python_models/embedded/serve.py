"""Child process: one language model behind the OpenAI protocol on a free loopback port, until its standard input ends.

Run as ``python -m python_models.embedded.serve MODEL.gguf``; ``python_models.embedded.server`` does so. The first line
of the standard input is the key that every request must carry: a page in a browser can reach a loopback port, too.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

READY = "READY"
"""First word of the line that tells the parent the address."""

CONTEXT_TOKENS = 2048
"""Room for request and reply together; longer requests are refused with status 400."""


def main() -> None:
    """Serve the model named on the command line; end when standard input does, as it does when the parent dies."""
    preload_openmp()
    import xllamacpp

    key = sys.stdin.buffer.readline().decode().strip()
    if not key:
        sys.exit("The first line of the standard input must be the key that requests will carry.")
    server = xllamacpp.Server(_parameters(xllamacpp, sys.argv[1], key))
    sys.stdout.write(f"{READY} {server.listening_address}/v1\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    # Nothing is worth waiting for: the parent has what it wanted, or is gone.
    os._exit(0)


def _parameters(xllamacpp, model: str, key: str):  # type: ignore[no-untyped-def]  # compiled module without stubs
    """Settings under which a reply depends on the request alone.

    One slot, so that requests are never evaluated in one batch; nothing kept from the request before; one thread,
    so that sums are added in one order. Sampling is greedy unless the request says otherwise.
    """
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.api_keys = [key]
    params.cors_origins = ""
    params.n_gpu_layers = 0
    params.verbosity = 0
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.sampling.temp = 0.0
    params.sampling.seed = 0
    params.ui = False
    return params


def preload_openmp() -> None:
    """Load ``libgomp.so.1``, which the runtime needs: the system's, else the one that torch brings.

    Raises:
        OSError: neither is there; the message says what to install.
    """
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL("libgomp.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError:
        path = torch_openmp()
        if path is None:
            raise OSError(
                "The embedded language model needs libgomp.so.1, and neither the system nor torch has it. "
                "Install the system package libgomp1, or torch (requirements/embedded.txt)."
            ) from None
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def torch_openmp() -> Path | None:
    """The ``libgomp.so.1`` inside an installed torch, which is found without being imported."""
    spec = importlib.util.find_spec("torch")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "lib" / "libgomp.so.1"
        if path.is_file():
            return path
    return None


if __name__ == "__main__":
    main()
