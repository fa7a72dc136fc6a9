"""The HTTP of chat requests: who asks, through which proxy, where a redirect leads, and which JSON goes and comes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from llm_helpers import SECRET

from python_models.llm.endpoint.wire import Received, Wire


class Recorder(ThreadingHTTPServer):
    """Answers every request with ``reply``, or sends who asks below ``/moved`` elsewhere; keeps what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self.reply = b'{"choices": []}'
        self.moved_to = ""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        if self.path.startswith("/moved"):
            self.send_response(308)
            self.send_header("Location", f"{self.server.moved_to}/v1/chat/completions")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.reply)))
        self.end_headers()
        self.wfile.write(self.server.reply)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


def serve() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    yield from serve()


other_server = pytest.fixture(name="other_server")(serve)


def post(base_url: str, body: Mapping[str, Any], key: str | None = SECRET) -> Received:
    async def send() -> Received:
        wire = Wire(base_url, key, 10.0, 10.0, 1)
        try:
            return await wire.post(body)
        finally:
            await wire.close()

    return asyncio.run(send())


def test_requests_say_who_asks_as_the_openai_client_does(server: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    assert post(f"{server.url}/v1/", {"model": "m"}).json() == {"choices": []}
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert json.loads(body) == {"model": "m"}
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["OpenAI-Organization"] == "org-1"
    assert headers["OpenAI-Project"] == "proj-1"
    assert headers["Content-Type"] == "application/json"
    assert headers["Accept-Encoding"] == "gzip, deflate"
    assert headers["User-Agent"].startswith("AsyncOpenAI/Python")


def test_without_organization_and_key_nothing_is_said_of_them(
    server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_ORG_ID", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    post(f"{server.url}/v1", {}, key=None)
    headers = server.requests[0][1]
    assert "OpenAI-Organization" not in headers
    assert headers["Authorization"] == "Bearer none"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used(server: Recorder, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, server.url)
    assert post("http://model.invalid/v1", {"model": "m"}).status == 200
    assert server.requests[0][0] == "http://model.invalid/v1/chat/completions"


def test_hosts_without_proxy_are_asked_directly(server: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
    assert post(f"{server.url}/v1", {}).status == 200


def test_a_redirect_takes_the_body_along_but_no_key_to_another_host(server: Recorder, other_server: Recorder) -> None:
    server.moved_to = server.url
    assert post(f"{server.url}/moved", {"model": "m"}).status == 200
    assert json.loads(server.requests[1][2]) == {"model": "m"}
    assert server.requests[1][1]["Authorization"] == f"Bearer {SECRET}"
    server.moved_to = other_server.url
    assert post(f"{server.url}/moved", {"model": "m"}).status == 200
    assert json.loads(other_server.requests[0][2]) == {"model": "m"}
    assert "Authorization" not in other_server.requests[0][1]


def test_json_goes_as_utf_8_without_lone_surrogates(server: Recorder) -> None:
    texts = ["Übersetze ☃ \x00 \u2028 \U0001f600", "a lone \ud800", 'quotes " and \\']
    post(f"{server.url}/v1", {"texts": texts[::2], "float": 0.1, "small": 1e-5, "none": None})
    post(f"{server.url}/v1", {"texts": texts})
    first, second = (json.loads(body.decode("utf-8")) for _, _, body in server.requests)
    assert first == {"texts": texts[::2], "float": 0.1, "small": 1e-5, "none": None}
    assert second == {"texts": [texts[0], "a lone ?", texts[2]]}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": NaN}', "{'a': nan}"),
        (b'{"a": "\\ud800"}', "{'a': '\\ud800'}"),
        ('{"a": "é"}'.encode("utf-16"), "{'a': 'é'}"),
        (b"\xef\xbb\xbf[1]", "[1]"),
        (b"[" * 2_000 + b"]" * 2_000, None),
    ],
    ids=["nan", "surrogate", "utf_16", "bom", "deep"],
)
def test_json_that_only_the_standard_library_reads_is_read(body: bytes, value: str | None) -> None:
    received = Received(200, {}, body)
    if value is None:
        with pytest.raises(RecursionError):
            received.json()
    else:
        assert repr(received.json()) == value
