"""The way of a new user, by hand: log in, draw, run, watch, look inside, cancel, open an earlier run."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: Every one of the 312 order lines of the shipped table.
LINES = 312


def log_in(page: Page, product: Product) -> None:
    page.goto("/")
    page.get_by_label("User name").fill(product.user)
    page.get_by_label("Password").fill(product.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def open_graph(page: Page, name: str) -> None:
    page.goto("/graphs/")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_label("Graph name")).to_have_value(name)


def node(page: Page, title: str) -> Locator:
    return page.locator("[data-key]").filter(has=page.get_by_text(title, exact=True)).first


def drag(page: Page, source: Locator, sink: Locator) -> None:
    """Draw a link with the mouse."""
    start, end = source.bounding_box(), sink.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] - 30, end["y"], steps=6)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=4)
    page.mouse.up()


def port(box: Locator, name: str, side: str) -> Locator:
    kind = "source" if side == "output" else "target"
    return box.locator(f".react-flow__handle.{kind}[data-handleid='{name}']")


def saved(page: Page) -> None:
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()


def assert_clear(page: Page) -> None:
    """No node covers another."""
    boxes = [box for node in page.locator("[data-key]").all() if (box := node.bounding_box()) is not None]
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            assert beside or below, (one, other)


def run_graph(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def test_new_user_draws_runs_watches_and_looks_inside(
    page: Page, product: Product, complaints: list[str], pictures: Path
) -> None:
    log_in(page, product)
    open_graph(page, "Sales report")
    page.screenshot(path=pictures / "editor.png")

    # A block from the palette, linked by hand, configured in the form; everything saves itself.
    page.keyboard.press("/")
    page.get_by_label("Search blocks").fill("length")
    page.keyboard.press("Enter")
    length = page.locator("[data-key][data-selected=true]")
    expect(length).to_be_visible()
    assert_clear(page)
    page.get_by_label("Title").fill("How many items")
    page.get_by_label("Title").press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("everything", re.IGNORECASE)).first.click()
    counted = node(page, "How many items")
    drag(
        page,
        port(node(page, "All large lines"), "items", "output"),
        counted.locator(".react-flow__handle.target").first,
    )
    saved(page)
    node(page, "Smallest order").click()
    default = page.get_by_role("tabpanel").get_by_label("Default", exact=False).first
    default.fill("15")
    default.blur()
    saved(page)
    page.reload()
    expect(node(page, "How many items")).to_be_visible()
    node(page, "Smallest order").click()
    expect(page.get_by_role("tabpanel").get_by_label("Default", exact=False).first).to_have_value("15")

    # Run with inputs; every node is seen to complete.
    run_graph(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("minimum", exact=False).first.fill("20")
    page.screenshot(path=pictures / "run-dialog.png")
    dialog.get_by_role("button", name="Start run").click()
    for title in ("Read the sales", "Each order line", "Write the report", "Report", "How many items"):
        expect(node(page, title)).to_contain_text("Done", timeout=30_000)
    expect(node(page, "Large enough?")).to_contain_text(str(LINES))
    page.screenshot(path=pictures / "run.png")

    # What a node got and gave.
    node(page, "Write the report").click()
    page.get_by_role("tab", name=re.compile("^Output")).click()
    expect(page.get_by_role("tabpanel", name=re.compile("^Output"))).to_contain_text("Sales report")
    page.get_by_role("tab", name=re.compile("^Input")).click()
    expect(page.get_by_role("tabpanel", name=re.compile("^Input"))).to_contain_text("minimum")
    page.screenshot(path=pictures / "inspector.png")

    # The draft moves on; the earlier run still shows what ran.
    node(page, "How many items").click()
    page.keyboard.press("Delete")
    expect(node(page, "How many items")).to_have_count(0)
    saved(page)
    page.get_by_role("tab", name="Runs").click()
    page.screenshot(path=pictures / "runs.png")
    page.get_by_role("main", name="Runs").get_by_text("Done").first.click()
    expect(node(page, "How many items")).to_contain_text("Done")
    expect(page.get_by_text("Read only")).to_be_visible()
    page.screenshot(path=pictures / "earlier-run.png")

    assert complaints == []


def test_long_run_is_cancelled_and_says_so(page: Page, product: Product, complaints: list[str], pictures: Path) -> None:
    log_in(page, product)
    open_graph(page, "Slow steps")
    run_graph(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Start run").click()
    expect(node(page, "Wait 30 seconds")).to_contain_text("Waits until")
    expect(node(page, "Wait 2 seconds")).to_contain_text("Skipped")
    expect(node(page, "Whichever comes")).to_contain_text("Queued")
    page.screenshot(path=pictures / "running.png")
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator("[data-key][data-status=cancelled]").first).to_be_visible()
    page.goto("/executions/")
    expect(page.locator("[data-status=cancelled]").first).to_contain_text("Cancelled")
    assert complaints == []


def test_draft_is_published_and_differs_after_an_edit(page: Page, product: Product, complaints: list[str]) -> None:
    log_in(page, product)
    open_graph(page, "Hello")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("button", name="Publish draft").click()
    expect(page.get_by_text("Published", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_text("Published", exact=True)).to_be_visible()
    node(page, "Greet").click()
    page.get_by_label("Title").fill("Say hello")
    page.get_by_label("Title").press("Enter")
    expect(page.get_by_text("v1 published")).to_be_visible()
    saved(page)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("1 node changed")
    page.get_by_role("button", name="Unpublish version 1").click()
    expect(page.get_by_text("v1 published")).to_have_count(0)
    assert complaints == []


def test_admin_and_queues_break_no_policy(page: Page, product: Product, complaints: list[str], pictures: Path) -> None:
    log_in(page, product)
    for address in (
        "",
        "executions/execution/",
        "executions/worker/",
        "graphs/graph/",
        "django-rq/",
        "django-rq/queues/0/",
    ):
        answer = page.goto(f"/admin/{address}")
        assert answer is not None
        assert answer.status == 200
    page.goto("/admin/executions/execution/")
    page.screenshot(path=pictures / "admin.png")
    page.get_by_role("link", name="agentflow").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert complaints == []


def test_dark_and_small_pages_have_no_complaints(
    page: Page, product: Product, complaints: list[str], pictures: Path
) -> None:
    log_in(page, product)
    page.emulate_media(color_scheme="dark")
    for name, address in {
        "overview": "/",
        "graphs": "/graphs/",
        "runs": "/executions/",
        "account": "/account/",
    }.items():
        page.goto(address)
        page.screenshot(path=pictures / f"{name}-dark.png")
        page.set_viewport_size({"width": 420, "height": 800})
        page.screenshot(path=pictures / f"{name}-small.png")
        page.set_viewport_size({"width": 1600, "height": 1000})
    open_graph(page, "Hello")
    page.screenshot(path=pictures / "editor-dark.png")
    assert complaints == []


def test_stranger_sees_nothing(page: Page, product: Product) -> None:
    assert page.goto("/graphs/1/canvas/") is not None
    expect(page).to_have_url(re.compile("/accounts/login/"))
