"""Draw the pictures of the documents: `python -m tests.e2e.pictures` runs cases in the product and takes pictures of them.

Needs DATABASE_URL and REDIS_URL of servers that may be used, and a Chromium. By hand, when the canvas has changed.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, sync_playwright

from agentflow.graphs.spec import NodeSpec, to_json
from tests.e2e.browser import executable
from tests.e2e.product import Product, running_product
from tests.e2e.test_journey import log_in
from tests.engine.cases.reading import Case, cases

FOLDER = Path(__file__).parents[2] / "agentflow" / "docs" / "img"
MAX_BYTES = 120_000
MARGIN = 24
#: Whatever lies over the canvas is no part of a graph.
HIDE = """
const [graph, ground] = [".react-flow__viewport", ".react-flow__background"].map(name => document.querySelector(name));
for (const one of document.body.querySelectorAll("*"))
  if (!one.contains(graph) && !graph.contains(one) && !one.contains(ground) && !ground?.contains(one))
    one.style.visibility = "hidden";
"""
#: Distance of columns and rows on the canvas.
COLUMN, ROW = 250, 150


@dataclass(frozen=True, slots=True)
class Picture:
    """A case as it is shown."""

    #: Name of the file.
    name: str
    #: The beginning of the case's title.
    case: str
    #: Node -> column and row.
    places: Mapping[str, tuple[float, float]]
    #: What a node says when the run has come to where the picture is taken.
    until: str = "Done"


PICTURES = (
    Picture(
        "loop",
        "Every item of a list is worked on by itself",
        {"numbers": (0, 0), "each": (1, 0), "double": (2, 0), "all": (3, 0), "doubled": (4, 0)},
    ),
    Picture(
        "filter",
        "Items that were filtered out are absent",
        {"each": (0, 0), "large": (1, 0), "all": (2, 0), "items": (3, -1), "places": (3, 0), "number": (3, 1)},
    ),
    Picture(
        "nested",
        "A Collect closes the innermost loop",
        {"rows": (0, 0), "cells": (1, 0), "double": (2, 0), "row": (3, 0), "table": (4, 0), "result": (5, 0)},
    ),
    Picture(
        "cycle",
        "A link back is another arrival",
        {"start": (0, 0), "add": (1, 0), "enough": (2, 0), "result": (3, 0)},
    ),
    Picture(
        "handled",
        "Items that failed and were handled",
        {"each": (0, 0), "divide": (1, 0), "log": (2, 1), "all": (2, 0), "results": (3, 0), "places": (3, 1)},
    ),
    Picture(
        "approval",
        "A person may change what is approved",
        {"total": (0, 0), "ask": (1, 0), "less": (2, 0), "result": (3, 0)},
        until="Waits for",
    ),
)


def case_of(picture: Picture) -> Case:
    """The one case whose title begins so."""
    (found,) = (case for case in cases() if case.title.startswith(picture.case))
    return found


def drawn(picture: Picture) -> dict[str, Any]:
    """The case's graph with its nodes in place and its keys as titles."""
    spec = case_of(picture).graph
    layout = {key: (COLUMN * column, ROW * row) for key, (column, row) in picture.places.items()}
    return to_json(replace(spec, nodes=tuple(_titled(node) for node in spec.nodes), layout=layout))


def _titled(node: NodeSpec) -> NodeSpec:
    return replace(node, title=node.key.capitalize())


def post(page: Page, product: Product, path: str, data: object) -> dict[str, Any]:
    """Ask the API with the session of the page."""
    token = next(cookie["value"] for cookie in page.context.cookies() if "csrf" in cookie.get("name", ""))
    headers = {"Content-Type": "application/json", "X-CSRFToken": token, "Referer": product.url}
    answer = page.request.post(f"{product.url}/api/v1/{path}", data=json.dumps(data), headers=headers)
    assert answer.ok, answer.text()
    found: dict[str, Any] = answer.json()
    return found


def take(page: Page, product: Product, picture: Picture, folder: Path) -> Path:
    """Import the case, run it, and keep a picture of its canvas when it has come far enough."""
    graph = post(page, product, "graphs/import/", drawn(picture))
    started = post(page, product, f"graphs/{graph['id']}/execute/", {"inputs": dict(case_of(picture).inputs)})
    page.goto(f"/executions/{started['id']}/")
    page.locator("[data-key]").filter(has_text=picture.until).last.wait_for()
    page.get_by_role("button", name=re.compile("everything", re.IGNORECASE)).first.click()
    page.wait_for_timeout(600)  # the view glides to where everything is seen
    page.evaluate(HIDE)
    file = folder / f"{picture.name}.png"
    page.screenshot(path=file, clip=_clip(page))
    assert file.stat().st_size < MAX_BYTES, f"{file.name}: {file.stat().st_size:,} bytes"
    return file


def _clip(page: Page) -> Any:
    """The part of the page that the nodes take, and a margin."""
    boxes = [box for node in page.locator("[data-key]").all() if (box := node.bounding_box())]
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    return {
        "x": max(0, left - MARGIN),
        "y": max(0, top - MARGIN),
        "width": right - left + 2 * MARGIN,
        "height": bottom - top + 2 * MARGIN,
    }


def main(names: list[str]) -> None:
    """Take the named pictures, or all."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as data, running_product(Path(data)) as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=product.url, viewport={"width": 2000, "height": 900})
        log_in(page, product)
        for picture in PICTURES:
            if not names or picture.name in names:
                file = take(page, product, picture, FOLDER)
                print(f"{file.name}: {file.stat().st_size:,} bytes")  # noqa: T201 - a script
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
