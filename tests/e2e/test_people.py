"""Somebody is invited to a group, makes an account, and sees what the group was given to see, and not more."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.product import Product
from tests.e2e.test_journey import log_in

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "correct-horse-9"
SHARED = {"name": "Shared digest", "nodes": [{"key": "a", "block": "core.value", "config": {"value": 1}}]}
SMALL: ViewportSize = {"width": 400, "height": 860}


def posted(page: Page, product: Product, path: str, body: object) -> int:
    """The status that the API answers to the page's session."""
    token = next(cookie["value"] for cookie in page.context.cookies() if "csrf" in cookie.get("name", ""))
    headers = {"Content-Type": "application/json", "X-CSRFToken": token, "Referer": product.url}
    return page.request.post(f"{product.url}{path}", data=json.dumps(body), headers=headers).status


def looked_at(page: Page, pictures: Path, name: str) -> None:
    """Pictures of a page: light and dark, wide and small."""
    wide = page.viewport_size
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=pictures / f"{name}-{theme}.png", full_page=True)
    page.set_viewport_size(SMALL)
    page.emulate_media(color_scheme="light")
    page.screenshot(path=pictures / f"{name}-small.png", full_page=True)
    if wide:
        page.set_viewport_size(wide)


def test_who_is_invited_sees_the_shared_graph_and_not_more(
    page: Page, browser: Browser, product: Product, complaints: list[str], pictures: Path
) -> None:
    # The owner makes a group, shares a graph with it for editing, and invites a viewer.
    log_in(page, product)
    assert posted(page, product, "/api/v1/graphs/import/", SHARED) == 201
    page.goto("/groups/")
    looked_at(page, pictures, "groups-empty")
    page.get_by_label("Name").fill("Readers")
    page.get_by_role("button", name="Make a group").click()
    page.goto("/graphs/?q=Shared+digest")
    page.get_by_label("Actions for Shared digest").click()
    page.get_by_role("link", name="Share", exact=True).click()
    looked_at(page, pictures, "sharing-empty")
    page.get_by_label("May be").select_option("editor")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("cell", name="Readers")).to_be_visible()
    looked_at(page, pictures, "sharing")
    page.goto("/groups/")
    page.get_by_role("link", name="Readers").click()
    page.get_by_role("button", name="Invite").click()
    link = page.locator("#invitation").inner_text()
    looked_at(page, pictures, "group")

    # Somebody without an account opens the link and joins.
    guest = browser.new_context(base_url=product.url, viewport={"width": 1600, "height": 1000})
    guest.set_default_timeout(15_000)
    theirs = guest.new_page()
    theirs.goto(link)
    expect(theirs.get_by_role("heading", name="Join Readers")).to_be_visible()
    looked_at(theirs, pictures, "invitation")
    theirs.get_by_label("Username").fill("rita")
    theirs.get_by_label("Password", exact=True).fill(PASSWORD)
    theirs.get_by_label("Password confirmation").fill(PASSWORD)
    theirs.get_by_role("button", name="Make an account and join").click()

    # They see the graph, and nothing else; the link is used up.
    expect(theirs.get_by_role("link", name="Shared digest")).to_be_visible()
    expect(theirs.locator("tbody tr")).to_have_count(1)
    theirs.get_by_role("link", name="Shared digest").click()
    expect(theirs.get_by_text("Read only")).to_be_visible()
    theirs.screenshot(path=pictures / "viewer-canvas.png")
    graph = theirs.url.rstrip("/").split("/")[-2]
    assert posted(theirs, product, f"/api/v1/graphs/{graph}/execute/", {}) == 403
    assert posted(theirs, product, f"/api/v1/graphs/{graph}/edits/", {}) == 403
    assert theirs.request.get(f"{product.url}/graphs/{graph}/sharing/").status == 403
    assert theirs.request.get(f"{product.url}/audit/").status == 404
    assert page.request.get(link).status == 404

    # They say in which time zone they are, and end the session that they forgot elsewhere.
    theirs.goto("/account/")
    theirs.get_by_label("Time zone").select_option("Europe/Zurich")
    theirs.get_by_label("Locale").fill("de-CH")
    theirs.get_by_role("button", name="Save").click()
    expect(theirs.get_by_text("Saved.")).to_be_visible()
    looked_at(theirs, pictures, "account")

    # All of it is in the log, and in the graph's history.
    page.goto("/audit/")
    expect(page.get_by_role("row").filter(has_text="joined")).to_contain_text("rita")
    looked_at(page, pictures, "audit")
    page.goto(f"/graphs/{graph}/history/")
    expect(page.get_by_role("row").filter(has_text="shared").first).to_contain_text("Readers")
    looked_at(page, pictures, "history")
    guest.close()
    assert complaints == []
