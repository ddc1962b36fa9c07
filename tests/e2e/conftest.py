"""A browser and the whole product for the journeys."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.e2e.browser import executable
from tests.e2e.product import Product, running_product


@pytest.fixture(scope="session")
def product(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One running product for all journeys."""
    with running_product(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable(), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser, product: Product) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=product.url, viewport={"width": 1600, "height": 1000})
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def complaints() -> list[str]:
    """Console errors, page errors and CSP violations seen so far; a journey ends by asserting that there are none."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Page:
    opened = context.new_page()
    opened.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`))"
    )

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text}")

    opened.on("console", hear)
    opened.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
    return opened


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path:
    """Where journeys leave their screenshots (below the ignored data folder)."""
    folder = Path(request.config.rootpath) / ".agentflow" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
