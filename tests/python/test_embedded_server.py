"""The local endpoint: it answers in the wanted form, always the same, and never outlives its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from openai import AuthenticationError, BadRequestError, OpenAI

from python_models.embedded.server import LocalServerError, local_endpoint, serve_local_model
from python_models.embedded.weights import local_model_path
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.prompts import prompt_text

SCHEMA = json.loads(prompt_text("tag_reply_embedded.schema.json"))
EXAMPLE = [
    {"role": "user", "content": "Who wrote Don Quixote?"},
    {"role": "assistant", "content": '{"tags":["factual question","literature"]}'},
]
REQUESTS = [
    "Translate to French: good day.",
    "What is 3 + 4?",
    "Name a river in Peru and say how long it is, in the style of a pirate, please.",
    "Write a poem about rain.",
]

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with local_endpoint() as endpoint:
        assert endpoint.max_concurrency == 1
        yield endpoint


def ask(endpoint: Endpoint, request: str, worker: int = 0, **parameters: Any) -> str:
    url = endpoint.base_urls[worker % len(endpoint.base_urls)]
    client = OpenAI(base_url=url, api_key=endpoint.api_key, max_retries=0, timeout=120)
    reply = client.chat.completions.create(
        model="any",
        messages=[{"role": "system", "content": "Tag."}, *EXAMPLE, {"role": "user", "content": request}],
        temperature=0,
        max_tokens=64,
        response_format={"type": "json_schema", "json_schema": {"name": "tags", "strict": True, "schema": SCHEMA}},
        **parameters,
    )
    return reply.choices[0].message.content or ""


def test_replies_have_the_form_of_the_schema(endpoint: Endpoint) -> None:
    tags = json.loads(ask(endpoint, REQUESTS[0]))["tags"]
    assert 2 <= len(tags) <= 3
    assert all(isinstance(tag, str) and tag == tag.lower() for tag in tags)


def test_the_same_request_gets_the_same_bytes_whatever_else_is_in_flight(endpoint: Endpoint) -> None:
    """Alone and one by one; then all at once in another order, more than there are workers: none lost, all equal."""
    alone = {request: ask(endpoint, request) for request in REQUESTS}
    crowd = [request for request in reversed(REQUESTS) for _ in range(2)]
    with ThreadPoolExecutor(len(crowd)) as pool:
        together = list(pool.map(lambda item: ask(endpoint, item[1], item[0]), enumerate(crowd)))
    assert together == [alone[request] for request in crowd]
    assert len(set(alone.values())) > 1


def test_a_request_beyond_the_context_is_refused(endpoint: Endpoint) -> None:
    with pytest.raises(BadRequestError, match="context"):
        ask(endpoint, "word " * 3000)


def test_only_who_knows_the_key_is_answered(endpoint: Endpoint) -> None:
    """A page in a browser, or another user of this machine, reaches the port but does not know the key."""
    assert all(url.startswith("http://127.0.0.1:") for url in endpoint.base_urls)
    assert endpoint.api_key is not None
    assert endpoint.api_key not in repr(endpoint)
    for key in ("none", endpoint.api_key[:-1]):
        with pytest.raises(AuthenticationError):
            ask(Endpoint(endpoint.base_urls, key), REQUESTS[0])
    with serve_local_model(n_workers=1) as other:
        assert other.api_key != endpoint.api_key


def test_a_file_that_is_no_model_fails_with_the_child_s_messages(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"this is no model")
    with pytest.raises(LocalServerError, match=r"broken\.gguf") as caught, serve_local_model(file, n_workers=1):
        pass
    assert "at its start" in str(caught.value)
    assert "(none)" not in str(caught.value)


def test_a_start_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(LocalServerError, match="not ready in time"), serve_local_model(n_workers=1, timeout_s=0.01):
        pass


def test_the_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "import subprocess, sys; from python_models.embedded.weights import local_model_path\n"
        "child = subprocess.Popen([sys.executable, '-m', 'python_models.embedded.serve', str(local_model_path())],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)\n"
        "child.stdin.write(b'key\\n'); child.stdin.flush()\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid, ready, *_ = parent.stdout.readline().split()
    assert ready == b"READY"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while is_running(int(pid)):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.05)
    parent.stdin.close()
    parent.stdout.close()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody has waited for yet does not run.
    status = Path(f"/proc/{pid}/stat")
    return not status.is_file() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_secrets_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with serve_local_model(local_model_path(), n_workers=1):
        children = subprocess.run(
            ["ps", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True, check=True
        ).stdout
        pids = [line.split()[0] for line in children.splitlines() if "embedded.serve" in line]
        assert pids
        assert all("sk-very-secret" not in Path(f"/proc/{pid}/environ").read_text() for pid in pids)
