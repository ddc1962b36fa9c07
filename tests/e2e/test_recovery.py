"""Somebody watches a run whose worker is killed, and later stopped: what happens is told, and the run ends well."""

import os
import re
import signal
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.product import Product
from tests.e2e.test_approval import open_imported
from tests.e2e.test_journey import log_in, node, run_graph
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.faults]

ITEMS = 240
#: A worker starts in seconds, on a busy machine in tens of them.
SLOW_MS = 60_000
#: Eight items at a time, a second each: the run is still at it after both faults.
PARCELS: dict[str, Any] = {
    "name": "Parcels",
    "nodes": [
        {"key": "items", "block": "core.value", "config": {"value": list(range(ITEMS))}, "title": "Parcels"},
        {"key": "each", "block": "logic.for_each", "config": {"at_once": 8}, "title": "Each parcel"},
        {"key": "pack", "block": "core.delay", "config": {"seconds": 1}, "title": "Pack"},
        {"key": "all", "block": "logic.collect", "config": {}, "title": "All packed"},
        {"key": "out", "block": "io.output", "config": {"name": "parcels"}, "title": "Result"},
    ],
    "links": [
        {"source": "items", "source_port": "value", "sink": "each", "sink_port": "items"},
        {"source": "each", "source_port": "item", "sink": "pack", "sink_port": "value"},
        {"source": "pack", "source_port": "value", "sink": "all", "sink_port": "items"},
        {"source": "all", "source_port": "items", "sink": "out", "sink_port": "value"},
    ],
    "layout": {"items": [0, 0], "each": [240, 0], "pack": [480, 0], "all": [720, 0], "out": [960, 0]},
}
STUCK = "/admin/executions/worker/stuck/"
LIVE = """
    SELECT process_id FROM executions_worker
    WHERE queue = 'default' AND stopped_at IS NULL AND expires_at > clock_timestamp() ORDER BY id DESC LIMIT 1
"""


def hosting_worker(product: Product) -> int:
    """Process id of the worker that lives."""
    with psycopg.connect(product.environment["DATABASE_URL"]) as connection:
        row = until(lambda: connection.execute(LIVE).fetchone())
        assert row
        found: int = row[0]
        return found


def is_in_sight(page: Page, line: Locator) -> bool:
    """Whether the line is drawn; else the list below the mouse is moved towards its beginning."""
    if line.count():
        return True
    page.mouse.wheel(0, -60)
    return False


def take_all(page: Page, path: Path) -> None:
    """Pictures of the page: light and dark, large and small."""
    for theme, width in (("light", 1600), ("dark", 1600), ("light", 420), ("dark", 420)):
        page.emulate_media(color_scheme=cast(Any, theme))
        page.set_viewport_size({"width": width, "height": 1000 if width > 1000 else 800})
        page.screenshot(path=f"{path}-{theme}-{width}.png", animations="disabled")  # colours pass over, too
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1600, "height": 1000})


def hand_back(page: Page, pictures: Path) -> None:
    """An administrator finds the run on the page of what is stuck and hands it back."""

    def is_shown() -> bool:
        page.goto(STUCK)
        return bool(page.get_by_role("heading", name="Held by a lost worker").count())

    until(is_shown, seconds=60)
    take_all(page, pictures / "stuck")
    page.get_by_role("button", name="Hand back…").click()
    expect(page.get_by_text("another worker goes on where their records end")).to_be_visible()
    take_all(page, pictures / "stuck-confirm")
    page.get_by_role("button", name="Hand back").click()
    expect(page.get_by_text("Handed back. 1 run.")).to_be_visible()


def test_a_lost_worker_is_told_and_the_run_goes_on(
    page: Page, product: Product, complaints: list[str], pictures: Path
) -> None:
    log_in(page, product)
    open_imported(page, product, PARCELS)
    run_graph(page)
    expect(node(page, "Pack")).to_contain_text("of", timeout=SLOW_MS)

    os.kill(hosting_worker(product), signal.SIGKILL)
    # Until the supervisor has started another one there is none.
    told = page.get_by_role("status").filter(
        has_text=re.compile("another one goes on within seconds|no worker is running", re.IGNORECASE)
    )
    expect(told).to_be_visible(timeout=SLOW_MS)
    page.screenshot(path=pictures / "worker-silent.png")
    recovery = page.get_by_text(re.compile(r"^Worker lost \d\d:\d\d:\d\d, resumed \d\d:\d\d:\d\d$"))
    expect(recovery).to_be_visible(timeout=SLOW_MS)
    expect(told).to_have_count(0, timeout=SLOW_MS)
    expect(node(page, "Pack").get_by_role("img", name=re.compile("its worker was lost"))).to_be_visible(timeout=SLOW_MS)
    page.screenshot(path=pictures / "worker-resumed.png")
    page.get_by_role("tab", name="Events").click()
    events = page.get_by_role("log", name="Events")
    loss = events.get_by_text(re.compile("^Worker .* was lost: no sign of life for"))
    events.hover()
    until(lambda: is_in_sight(page, loss))
    page.screenshot(path=pictures / "worker-events.png")

    # Nobody is there at all: the pages say so, and what to do.
    stopped = hosting_worker(product)
    os.kill(stopped, signal.SIGSTOP)
    alarm = page.get_by_role("alert").filter(has_text="No worker is running")
    expect(alarm).to_contain_text("manage.py rqworker", timeout=SLOW_MS)
    page.screenshot(path=pictures / "no-worker.png")
    take_all(page, pictures / "no-worker")
    other = page.context.new_page()
    for name, address in {"overview": "/", "runs": "/executions/", "admin": "/admin/"}.items():
        other.goto(address)
        expect(other.locator("body")).to_contain_text(
            re.compile("no worker is running|No hosting workers", re.IGNORECASE)
        )
        take_all(other, pictures / f"no-worker-{name}")
    hand_back(other, pictures)
    other.close()
    os.kill(stopped, signal.SIGCONT)
    expect(alarm).to_have_count(0, timeout=SLOW_MS)
    expect(node(page, "Result")).to_contain_text("Done", timeout=2 * SLOW_MS)
    page.screenshot(path=pictures / "recovered.png")
    assert complaints == []
