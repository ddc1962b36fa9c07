"""The admin in the product's look, and the queues' pages inside it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def test_admin_leads_back_to_the_product(site: Client) -> None:
    page = site.get("/admin/").content.decode()
    assert '<a href="/" title="Back to agentflow">' in page
    assert "/static/canvas/assets/theme-" in page


def test_admin_allows_no_inline_scripts(site: Client) -> None:
    assert "unsafe-inline" not in site.get("/admin/")["Content-Security-Policy"]


@pytest.mark.redis
@pytest.mark.parametrize("address", ["/admin/django-rq/", "/admin/django_rq/dashboard/"])
def test_queue_pages_may_have_styles_inside(site: Client, address: str) -> None:
    answer = site.get(address)
    assert answer.status_code == 200
    assert "style-src 'self' 'unsafe-inline'" in answer["Content-Security-Policy"]
