"""A graph that starts by itself: at times, by another system, and by somebody without an account."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.product import Product
from tests.e2e.test_approval import open_imported
from tests.e2e.test_journey import log_in

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ORDER: dict[str, Any] = {
    "name": "Greet a customer",
    "nodes": [
        {
            "key": "who",
            "block": "io.input",
            "config": {"name": "customer", "type": "text", "required": True, "description": "As on the letter."},
        },
        {"key": "count", "block": "io.input", "config": {"name": "count", "type": "integer", "default": 1}},
        {"key": "urgent", "block": "io.input", "config": {"name": "urgent", "type": "boolean", "default": False}},
        {"key": "text", "block": "core.template", "config": {"template": "Dear {{ customer }}, welcome."}},
        {"key": "result", "block": "io.output", "config": {"name": "letter"}},
    ],
    "links": [
        {"source": "who", "source_port": "value", "sink": "text", "sink_port": "values.customer"},
        {"source": "text", "source_port": "text", "sink": "result", "sink_port": "value"},
    ],
    "layout": {"who": [0, 0], "count": [0, 160], "urgent": [0, 320], "text": [240, 0], "result": [480, 0]},
}


def picture(page: Page, folder: Path, name: str) -> None:
    """Light and dark, wide and small."""
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        for theme in ("light", "dark"):
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            page.screenshot(path=folder / f"triggers-{name}-{theme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1600, "height": 1000})


def choose(page: Page, kind: str) -> None:
    page.goto("/triggers/")
    page.locator("summary", has_text="New trigger").click()
    page.locator(".menu").get_by_role("link", name=kind).first.click()
    page.get_by_label("Which graph shall it start?").select_option(label="Greet a customer")
    page.get_by_role("button", name="Continue").click()


def test_a_graph_starts_at_times_by_calls_and_by_a_form(
    page: Page, browser: Browser, product: Product, complaints: list[str], pictures: Path
) -> None:
    log_in(page, product)
    page.goto("/triggers/")
    picture(page, pictures, "empty")
    open_imported(page, product, ORDER)

    # Every minute: the next five times are shown, and a worker starts it.
    choose(page, "Schedule")
    page.get_by_label("Name").fill("Every minute")
    page.get_by_label(re.compile("^When")).fill("* * * * *")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Customer").fill("Ada")
    picture(page, pictures, "new-schedule")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("It was made and is active.")).to_be_visible()
    expect(page.locator(".times li")).to_have_count(5)
    picture(page, pictures, "schedule")
    schedule = page.url

    # Another system calls; what came is shown and can be sent again.
    choose(page, "Webhook")
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_label("Answer with this output").select_option("letter")
    page.get_by_label("Customer").fill("body.order.name")
    page.get_by_role("button", name="Make it").click()
    address = page.locator("#address").inner_text()
    as_json = {"Content-Type": "application/json"}
    called = page.request.post(address, data=json.dumps({"order": {"name": "Grace"}}), headers=as_json)
    assert (called.status, called.json()) == (200, "Dear Grace, welcome.")
    assert page.request.post(address, data=b"{", headers=as_json).status == 400
    page.reload()
    page.get_by_role("button", name="Start again").last.click()
    expect(page.get_by_text("It was started again.")).to_be_visible()
    expect(page.get_by_text("sent again from here")).to_be_visible()
    picture(page, pictures, "webhook")

    # Somebody without an account fills in a form and sees the result.
    choose(page, "Form")
    page.get_by_label("Title").fill("Get a letter")
    page.get_by_label("Description").fill("We write to you within a minute.")
    page.get_by_label(re.compile("Anybody with")).check()
    page.get_by_role("button", name="Make it").click()
    form = page.locator("#address").inner_text()
    stranger = browser.new_context().new_page()
    stranger.goto(form)
    picture(stranger, pictures, "form")
    stranger.get_by_label("Customer").fill("Linus")
    stranger.get_by_role("button", name="Send").click()
    expect(stranger.get_by_text("Dear Linus, welcome.")).to_be_visible(timeout=20_000)
    picture(stranger, pictures, "result")
    stranger.context.close()

    # The schedule has run meanwhile, and its run names it.
    page.goto(schedule)
    page.get_by_role("link", name="Runs").last.click()
    expect(page.get_by_role("link", name="schedule", exact=True).first).to_be_visible(timeout=90_000)
    picture(page, pictures, "runs")
    page.goto("/triggers/")
    expect(page.get_by_role("row")).to_have_count(4)
    picture(page, pictures, "list")
    page.goto(schedule)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("It is paused and starts nothing.")).to_be_visible()
    assert [complaint for complaint in complaints if "400" not in complaint] == []
