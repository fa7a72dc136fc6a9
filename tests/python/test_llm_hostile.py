"""What a server must not be able to do (fill the memory, hang a run, end it with one reply); errors that say why."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import ssl
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_endpoint import Behaviour, FakeEndpoint
from llm_helpers import run, tagging_work

from python_models.llm.cache.response_cache import ResponseCache
from python_models.llm.endpoint.endpoint import Endpoint
from python_models.llm.errors import EndpointError
from python_models.settings import PROJECT_ROOT

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("fresh_client")]

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tls"


def completion(text: str) -> bytes:
    """A chat completion with this text."""
    return json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).encode()


def bomb(n_megabytes: int) -> bytes:
    """A small gzip file of so many megabytes of a reply."""
    deflate = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    block = b" " * 2**20
    return b"".join(deflate.compress(block) for _ in range(n_megabytes)) + deflate.flush()


BOMB = bomb(200)
HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "nested": (lambda: b"[" * 100_000, "", "bad_response: JSON nested too deep"),
    "nested_object": (lambda: b'{"choices":' * 100_000, "", "bad_response: JSON nested too deep"),
    "large": (lambda: completion("x" * 50_000_000), "", "bad_response: longer than 8 MiB"),
    "gzip_bomb": (lambda: BOMB, "gzip", "bad_response: longer than 8 MiB"),
    "double_bomb": (lambda: gzip.compress(BOMB), "gzip, gzip", "bad_response: compressed as 'gzip, gzip'"),
    "cut_gzip": (lambda: gzip.compress(completion("x" * 1_000))[:-20], "gzip", "bad_response: compressed, and cut"),
    "broken_gzip": (lambda: b"\x1f\x8b" + b"\x00" * 50, "gzip", "bad_response: broken compression"),
    "unknown_encoding": (lambda: b"x", "br", "bad_response: compressed as 'br'"),
    "huge_number": (lambda: b'{"choices": ' + b"9" * 100_000 + b"}", "", "bad_response: not JSON"),
    "no_utf8": (lambda: b"\xff\xfe\xfa", "", "bad_response: not JSON"),
    "null": (lambda: b"null", "", "bad_response: no chat completion"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_body_is_a_typed_error_of_its_item_alone(tmp_path: Path, name: str) -> None:
    content, encoding, error = HOSTILE[name]
    body = content()
    behaviour = Behaviour(body=lambda text: (body, encoding) if "number 7." in text else None)
    with FakeEndpoint(behaviour) as server:
        answers = run(server, tmp_path, tagging_work(20), max_retries=1)
    assert len(answers) == 20
    (failed,) = (answer for answer in answers if answer.error)
    assert failed.item_id == "item-7"
    assert failed.error is not None
    assert failed.error.startswith(error)
    assert len(failed.error) < 500
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        assert cache.counts() == (19, 0), "nothing is stored for it"


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    """Eight at once, 200 MB each, in a process of its own."""
    code = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from fake_endpoint import Behaviour, FakeEndpoint
from llm_helpers import run, tagging_work
from test_llm_hostile import BOMB
with FakeEndpoint(Behaviour()) as server:
    run(server, Path({str(tmp_path)!r}), tagging_work(20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    server.behaviour.body = lambda text: (BOMB, "gzip")
    answers = run(server, Path({str(tmp_path)!r}), tagging_work(8, start=20), max_retries=0)
    assert all(answer.error.startswith("bad_response") for answer in answers)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT, check=True)
    assert int(done.stdout) < 150_000, "kilobytes"


def test_a_well_meant_gzip_is_read(tmp_path: Path) -> None:
    text = '{"tags": [{"tag": "poem"}]}'
    with FakeEndpoint(Behaviour(body=lambda _: (gzip.compress(completion(text)), "gzip"))) as server:
        (answer,) = run(server, tmp_path, tagging_work(1))
    assert answer.raw_reply == text


@pytest.mark.parametrize("depth", [500, 900, 980, 100_000])
def test_a_reply_text_nested_deep_is_invalid_and_ends_nothing(tmp_path: Path, depth: int) -> None:
    text = '{"tags": ' + "[" * depth + "]" * depth + "}"
    behaviour = Behaviour(body=lambda body: (completion(text), "") if "number 3." in body else None)
    with FakeEndpoint(behaviour) as server:
        answers = run(server, tmp_path, tagging_work(6))
    (failed,) = (answer for answer in answers if answer.error)
    assert failed.item_id == "item-3"
    assert (failed.error or "").partition(":")[0] in {"invalid_json", "invalid_value", "truncated"}


@contextmanager
def raw_server(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that answers each connection with a function of its own; yields its base URL."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection:
                connection.settimeout(5)
                try:
                    connection.recv(65_536)
                    answer(connection, stopped)
                except OSError:
                    pass  # the client has had enough

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            stopped.set()
            thread.join()


def endless(connection: socket.socket, stopped: threading.Event) -> None:
    """A body without an end, as fast as it is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not stopped.is_set():
        connection.sendall(b" " * 2**20)


def trickle(connection: socket.socket, stopped: threading.Event) -> None:
    """A body without an end, a byte at a time: never silent, never done."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not stopped.wait(0.05):
        connection.sendall(b" ")


def long_header(connection: socket.socket, stopped: threading.Event) -> None:
    """A header that is too long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n{}")


def no_http(connection: socket.socket, stopped: threading.Event) -> None:
    """Not HTTP at all."""
    connection.sendall(b"220 mail.example.com ESMTP\r\n")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (endless, "bad_response: longer than 8 MiB"),
        (trickle, "timeout: no reply within 2 s"),
        (long_header, "bad_response: "),
        (no_http, "bad_response: "),
    ],
)
def test_a_body_without_an_end_or_a_beginning_is_given_up(
    tmp_path: Path, answer: Callable[[socket.socket, threading.Event], None], error: str
) -> None:
    timeout_s = 2.0 if answer is trickle else 30.0
    with raw_server(answer) as base_url:
        (found,) = run(Endpoint((base_url,)), tmp_path, tagging_work(1), max_retries=0, request_timeout_s=timeout_s)
    assert found.error is not None
    assert found.error.startswith(error)


# --- errors that say what is ------------------------------------------------------------------------------------------


@contextmanager
def tls_server() -> Iterator[str]:
    """A server with a certificate that nobody knows (its key is for this test alone); yields its base URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FIXTURES / "certificate.pem", FIXTURES / "key.pem")
    body = completion('{"tags": [{"tag": "poem"}]}')
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    connection, _ = listener.accept()
                    connection.settimeout(5)
                    with context.wrap_socket(connection, server_side=True) as secure:
                        secure.recv(65_536)
                        secure.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            stopped.set()
            thread.join()


def test_an_unknown_certificate_is_said_and_can_be_made_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tls_server() as base_url:
        with pytest.raises(EndpointError, match="SSL_CERT_FILE") as caught:
            run(Endpoint((base_url,)), tmp_path, tagging_work(5))
        assert "Nothing answers" not in str(caught.value)
        assert base_url in str(caught.value)
        monkeypatch.setenv("SSL_CERT_FILE", str(FIXTURES / "certificate.pem"))
        (answer,) = run(Endpoint((base_url,)), tmp_path, tagging_work(1))
        assert answer.error is None


def test_https_where_plain_http_is_spoken_is_said(tmp_path: Path) -> None:
    with FakeEndpoint() as server, pytest.raises(EndpointError, match=r"no secure connection.*http://"):
        run(Endpoint((server.base_url.replace("http:", "https:"),)), tmp_path, tagging_work(5))


def test_a_host_that_is_not_known_is_said(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match=r"cannot be found.*OPENAI_BASE_URL") as caught:
        run(Endpoint(("http://nowhere.invalid/v1",)), tmp_path, tagging_work(5))
    assert "Nothing answers" not in str(caught.value)


def test_too_few_file_handles_are_said(tmp_path: Path) -> None:
    """The limit is reached in a process of its own, after everything but the connections is open."""
    code = f"""
import os, resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from contextlib import contextmanager
from pathlib import Path
from fake_endpoint import FakeEndpoint
from llm_helpers import Opened, run, tagging_work
from python_models.llm.endpoint.endpoint import Endpoint
with FakeEndpoint() as server:
    run(server, Path({str(tmp_path)!r}), tagging_work(3))
    work = tagging_work(50, start=3)
    from python_models.llm.endpoint import client
    post = client.ChatClient._post
    async def starve(self, body):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 4096))
        return await post(self, body)
    client.ChatClient._post = starve
    try:
        run(server, Path({str(tmp_path)!r}), work)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
"""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limits[1] >= 4096
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT)
    assert "Too few file handles" in done.stderr
    assert "ulimit -n" in done.stderr
    assert "Nothing answers" not in done.stderr
