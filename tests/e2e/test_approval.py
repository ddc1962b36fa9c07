"""The way of a run that needs a person, on the canvas: it waits, somebody decides, it fails, is mended and taken up."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.product import Product
from tests.e2e.test_journey import log_in, node, run_graph, saved

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Somebody forgot a bracket: what the letter says is no JSON.
BROKEN = '{"to": "{{ customer }}"'
LETTER: dict[str, Any] = {
    "name": "Letter with approval",
    "nodes": [
        {"key": "customer", "block": "io.input", "config": {"name": "customer", "type": "text"}, "title": "Customer"},
        {
            "key": "ask",
            "block": "logic.approve",
            "config": {"instructions": "Is the name right?"},
            "title": "Ask somebody",
        },
        {"key": "letter", "block": "core.template", "config": {"template": BROKEN}, "title": "Write the letter"},
        {"key": "read", "block": "json.parse", "config": {}, "title": "Read it again"},
        {"key": "result", "block": "io.output", "config": {"name": "letter"}, "title": "Result"},
    ],
    "links": [
        {"source": "customer", "source_port": "value", "sink": "ask", "sink_port": "payload"},
        {"source": "ask", "source_port": "approved", "sink": "letter", "sink_port": "values.customer"},
        {"source": "letter", "source_port": "text", "sink": "read", "sink_port": "text"},
        {"source": "read", "source_port": "value", "sink": "result", "sink_port": "value"},
    ],
    "layout": {"customer": [0, 0], "ask": [240, 0], "letter": [480, 0], "read": [720, 0], "result": [960, 0]},
}


def open_imported(page: Page, product: Product, spec: dict[str, Any]) -> None:
    """Import a graph as a program would, with the session of the page, and open it."""
    token = next(cookie["value"] for cookie in page.context.cookies() if "csrf" in cookie.get("name", ""))
    answer = page.request.post(
        f"{product.url}/api/v1/graphs/import/",
        data=json.dumps(spec),
        headers={"Content-Type": "application/json", "X-CSRFToken": token, "Referer": product.url},
    )
    assert answer.status == 201, answer.text()
    page.goto(f"/graphs/{answer.json()['id']}/canvas/")
    expect(page.get_by_label("Graph name")).to_have_value(spec["name"])


def test_run_waits_for_a_decision_fails_and_is_taken_up_after_a_change(
    page: Page, product: Product, complaints: list[str], pictures: Path
) -> None:
    log_in(page, product)
    open_imported(page, product, LETTER)

    # The run stops at the question and says so.
    run_graph(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("customer").fill("Adda")
    dialog.get_by_role("button", name="Start run").click()
    ask = node(page, "Ask somebody")
    expect(ask).to_contain_text("Waits for a decision", timeout=30_000)
    expect(node(page, "Write the letter")).to_contain_text("Queued")

    # Decided in place, with the name put right.
    ask.click()
    card = page.get_by_role("region", name="Waits for a decision")
    expect(card).to_contain_text("Is the name right?")
    page.screenshot(path=pictures / "approval.png")
    card.get_by_label("Payload").fill('"Ada"')
    card.get_by_label("Comment").fill("One d is enough")
    card.get_by_role("button", name="Approve").click()
    expect(ask).to_contain_text("Done")
    expect(node(page, "Read it again")).to_contain_text("Failed")
    expect(page.get_by_text("1 failed", exact=True).first).to_be_visible()

    # Mended, and taken up: what a person has said is not asked again.
    node(page, "Write the letter").click()
    page.get_by_role("tab", name="Config").click()
    template = page.get_by_role("tabpanel").get_by_label("Template")
    expect(template).to_have_value(BROKEN)
    template.fill(BROKEN + "}")
    saved(page)
    page.get_by_role("button", name="Retry from the failed nodes").click()
    expect(node(page, "Result")).to_contain_text("Done", timeout=30_000)
    expect(ask).to_contain_text("reused")
    expect(node(page, "Write the letter")).not_to_contain_text("reused")
    page.screenshot(path=pictures / "taken-up.png")
    page.get_by_role("tab", name="Data").click()
    expect(page.get_by_role("tabpanel", name="Data")).to_contain_text("Ada")

    assert complaints == []


def test_output_is_pinned_and_one_node_is_run_alone(
    page: Page, product: Product, complaints: list[str], pictures: Path
) -> None:
    log_in(page, product)
    open_imported(page, product, LETTER | {"name": "Letter with pinned data"})
    ask, letter = node(page, "Ask somebody"), node(page, "Write the letter")

    # Pinned by hand, the question is not asked at all.
    ask.click()
    page.get_by_role("tab", name="Output").click()
    page.get_by_role("button", name="Pin data by hand").click()
    pinned = page.get_by_role("region", name="Pinned data")
    pinned.get_by_label("approved").fill('"Bob"')
    pinned.get_by_role("button", name=re.compile("Give nothing at rejected")).click()
    expect(ask).to_contain_text("Pinned")
    saved(page)
    run_graph(page)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 node uses pinned data")
    page.screenshot(path=pictures / "run-dialog-pinned.png")
    dialog.get_by_role("button", name="Start run").click()
    expect(node(page, "Read it again")).to_contain_text("Failed", timeout=30_000)
    expect(ask).to_contain_text("pinned")

    # One node alone, with another input.
    letter.click(button="right")
    page.screenshot(path=pictures / "node-menu.png")
    page.get_by_role("menuitem", name="Run this node…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Value 1")).to_have_value("Bob")
    dialog.get_by_label("Value 1").fill("Charlie")
    page.screenshot(path=pictures / "node-run.png")
    dialog.get_by_role("button", name="Run node").click()
    expect(page.get_by_role("option", name=re.compile("Read it again"))).to_contain_text("not reached")
    letter.click()
    page.get_by_role("tab", name=re.compile("^Output")).click()
    expect(page.get_by_role("tabpanel", name=re.compile("^Output"))).to_contain_text("Charlie")

    assert complaints == []
