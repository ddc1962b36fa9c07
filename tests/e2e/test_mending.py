"""A graph that cannot run says why without trying, and is mended with one press."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.product import Product
from tests.e2e.test_approval import open_imported
from tests.e2e.test_journey import log_in, node, run_graph, saved

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SIZES: dict[str, Any] = {"key": "sizes", "block": "core.value", "config": {"value": ["S", "M", "L"]}}
COLOURS: dict[str, Any] = {"key": "colours", "block": "core.value", "config": {"value": ["red", "blue"]}}
#: Two loops meet in one node, which does not say how.
SHIRTS: dict[str, Any] = {
    "name": "Shirts",
    "nodes": [
        SIZES,
        COLOURS,
        {"key": "each_size", "block": "logic.for_each", "config": {}, "title": "Each size"},
        {"key": "each_colour", "block": "logic.for_each", "config": {}, "title": "Each colour"},
        {
            "key": "shirt",
            "block": "core.template",
            "config": {"template": "{{ size }} in {{ colour }}"},
            "title": "Shirt",
        },
        {"key": "all", "block": "logic.collect", "config": {}, "title": "All shirts"},
    ],
    "links": [
        {"source": "sizes", "source_port": "value", "sink": "each_size", "sink_port": "items"},
        {"source": "colours", "source_port": "value", "sink": "each_colour", "sink_port": "items"},
        {"source": "each_size", "source_port": "item", "sink": "shirt", "sink_port": "values.size"},
        {"source": "each_colour", "source_port": "item", "sink": "shirt", "sink_port": "values.colour"},
        {"source": "shirt", "source_port": "text", "sink": "all", "sink_port": "items"},
    ],
    "layout": {
        "sizes": [0, 0],
        "colours": [0, 180],
        "each_size": [240, 0],
        "each_colour": [240, 180],
        "shirt": [480, 80],
        "all": [720, 80],
    },
}


def test_loops_that_meet_are_refused_and_then_paired(
    page: Page, product: Product, complaints: list[str], pictures: Path
) -> None:
    log_in(page, product)
    open_imported(page, product, SHIRTS)
    run_graph(page)
    expect(page.get_by_role("alert")).to_contain_text("two loops")
    page.get_by_role("alert").get_by_role("button", name="Show").click()
    expect(node(page, "Shirt")).to_have_attribute("data-selected", "true")
    page.screenshot(path=pictures / "two-loops.png")
    page.get_by_role("button", name="Pair by position (zip)").click()
    expect(page.get_by_label("Where loops meet")).to_have_value("zip")
    expect(page.get_by_role("button", name="Pair by position (zip)")).to_have_count(0)
    saved(page)
    run_graph(page)
    expect(node(page, "All shirts")).to_contain_text("Done", timeout=30_000)
    expect(node(page, "Shirt")).to_contain_text("2 items")

    assert complaints == []
