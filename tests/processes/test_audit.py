"""The audit of dependencies fails on a known vulnerability, and says so when nobody can say."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agentflow.processes import audit

ADVISORY = {
    "id": "TEST-1",
    "summary": "Bad",
    "affected": [
        {
            "package": {"name": "django", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Knows one vulnerability, of Django."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_known = self.server.knows and asked["package"]["name"].lower() == "django"  # type: ignore[attr-defined]
        answer = json.dumps({"vulns": [ADVISORY]} if is_known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    server.knows = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def audited(port: int) -> int:
    return audit.main(["--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{port}/v1/query"])


def test_a_known_vulnerability_fails(service: ThreadingHTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(service.server_port) == 1
    assert "has TEST-1; mended in: 99.0" in capsys.readouterr().out


def test_none_passes(service: ThreadingHTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    service.knows = False  # type: ignore[attr-defined]
    assert audited(service.server_port) == 0
    assert "without known vulnerabilities" in capsys.readouterr().out


def test_without_a_service_one_sentence_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert audited(1) == 0
    assert "were not audited, because no service of advisories answered" in capsys.readouterr().out
