"""Forms, sessions and messages under the server's handler, whose middlewares stay on the event loop."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.middleware.csrf import CsrfViewMiddleware

from agentflow import on_loop
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

MIDDLEWARES = (
    *on_loop.QUICK,
    CsrfViewMiddleware,
    SessionMiddleware,
    MessageMiddleware,
)


@pytest.fixture
def client() -> Iterator[httpx.AsyncClient]:
    with pytest.MonkeyPatch.context() as patch:
        for middleware in MIDDLEWARES:
            patch.setattr(middleware, "__acall__", middleware.__acall__)  # is put back afterwards
        on_loop.install()
        handler: Any = on_loop.OnLoopHandler()
        transport = httpx.ASGITransport(handler)
        yield httpx.AsyncClient(transport=transport, base_url="http://localhost")


@sync_to_async
def make_admin() -> User:
    return factories.user("admin", is_staff=True, is_superuser=True)


async def form_token(client: httpx.AsyncClient, page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', (await client.get(page)).text)
    assert found
    return found[1]


async def log_in(client: httpx.AsyncClient) -> httpx.Response:
    token = await form_token(client, "/accounts/login/")
    fields = {"username": "admin", "password": factories.PASSWORD, "csrfmiddlewaretoken": token}
    return await client.post("/accounts/login/", data=fields)


async def test_form_without_its_token_is_refused(client: httpx.AsyncClient) -> None:
    await make_admin()
    answer = await client.post("/accounts/login/", data={"username": "admin", "password": factories.PASSWORD})
    assert answer.status_code == 403


async def test_log_in_makes_a_session_that_later_requests_have(client: httpx.AsyncClient) -> None:
    await make_admin()
    assert (await log_in(client)).status_code == 302
    assert await sync_to_async(Session.objects.count)() == 1
    assert (await client.get("/graphs/")).status_code == 200


async def test_message_is_shown_once_on_the_next_page(client: httpx.AsyncClient) -> None:
    await make_admin()
    await log_in(client)
    page = "/admin/auth/group/add/"
    await client.post(page, data={"name": "Readers", "csrfmiddlewaretoken": await form_token(client, page)})
    first, second = [(await client.get("/admin/auth/group/")).text for _ in range(2)]
    assert ("added successfully" in first, "added successfully" in second) == (True, False)


async def test_headers_of_the_security_middlewares_are_there(client: httpx.AsyncClient) -> None:
    answer = await client.get("/accounts/login/")
    assert {"content-security-policy", "x-frame-options", "x-content-type-options"} <= set(answer.headers)
