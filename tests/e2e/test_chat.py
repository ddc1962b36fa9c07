"""A model's answer on the canvas: it grows while it comes, and then it is the result, with what it used."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.blocks.model_servers import openai_events
from tests.e2e.product import ROOT, Product, running_product
from tests.e2e.test_approval import open_imported
from tests.e2e.test_journey import log_in, node, run_graph

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KEY = "sk-very-secret"
WORDS = ("Light ", "is ", "scattered ", "by ", "<b>air</b>.")
MAKE = """
from django.contrib.auth.models import User
from agentflow.credentials.services import make_credential
owner = User.objects.get(username="admin")
fields = {{"key": "{key}", "base_url": "{url}"}}
print(make_credential(owner=owner, kind="api_key", name="Model", fields=fields).pk)
"""


class Model(ThreadingHTTPServer):
    """Speaks OpenAI's protocol; says the last word when it is allowed to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.may_end = threading.Event()
        self.keys: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Answers(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.append(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        *first, last, stop, usage = openai_events(*WORDS)
        for event in first:
            self._say(json.dumps(event))
        self.server.may_end.wait(60)
        for event in (last, stop, usage):
            self._say(json.dumps(event))
        self._say("[DONE]")

    def _say(self, data: str) -> None:
        self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def model() -> Iterator[Model]:
    server = Model()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.may_end.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def product(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One whose blocks may reach this machine."""
    with running_product(tmp_path_factory.mktemp("chat"), AGENTFLOW_HTTP_ALLOW="127.0.0.1") as running:
        yield running


def test_an_answer_grows_on_its_node_and_is_then_the_result(
    page: Page, product: Product, model: Model, complaints: list[str], pictures: Path
) -> None:
    log_in(page, product)
    open_imported(page, product, spec(_credential(product, model)))
    run_graph(page)
    page.get_by_role("dialog").get_by_role("button", name="Start run").click()
    ask = node(page, "Ask")
    expect(ask).to_contain_text("Light is scattered by", timeout=30_000)
    ask.click()
    page.get_by_role("tab", name="Output").click()
    expect(page.get_by_label("text, so far").last).to_contain_text("Light is scattered by")
    page.screenshot(path=pictures / "chat-streaming.png")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=pictures / "chat-streaming-dark.png")
    page.emulate_media(color_scheme="light")

    model.may_end.set()
    expect(ask).to_contain_text("Done", timeout=30_000)
    expect(page.get_by_label("text, so far")).to_have_count(0)
    expect(page.get_by_text("small-1: 12 tokens in, 5 out")).to_be_visible()
    page.screenshot(path=pictures / "chat-done.png")
    assert model.keys == [f"Bearer {KEY}"]
    assert _usage(page, product) == {
        "input_tokens": 12, "output_tokens": 5, "tokens": 17, "model": "small-1", "provider": "openai"
    }  # fmt: skip
    assert complaints == []


def spec(credential: str) -> dict[str, object]:
    """The example, with a credential in place of an address."""
    path = ROOT / "agentflow" / "graphs" / "examples" / "ask-a-model.json"
    graph: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    nodes = graph["nodes"]
    assert isinstance(nodes, list)
    nodes[1]["config"] = {"credential": credential, "model": "small"}
    return graph | {"name": "Chat"}


def _credential(product: Product, model: Model) -> str:
    code = MAKE.format(key=KEY, url=model.url)
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=product.environment, check=True, capture_output=True, text=True)
    return done.stdout.split()[-1]


def _usage(page: Page, product: Product) -> dict[str, object]:
    [execution] = page.request.get(f"{product.url}/api/v1/executions/").json()["results"]
    rows = page.request.get(f"{product.url}/api/v1/executions/{execution['id']}/nodes/").json()["results"]
    found: dict[str, object] = next(row["usage"] for row in rows if row["node"] == "ask")
    return {name: value for name, value in found.items() if name not in ("usd", "seconds")}
