"""Time zone, locale and preferences: on pages and in blocks."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agentflow.accounts.models import ApiToken, AuditEntry, Profile

ZURICH = {"time_zone": "Europe/Zurich", "locale": "de-CH", "preferences": '{"signature": "Gruss"}'}
PERSON = {"first_name": "Alice", "last_name": "A.", "email": ""}


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


def test_a_profile_is_saved(page: Client, alice: User) -> None:
    assert page.post("/account/profile/", {**PERSON, **ZURICH}).status_code == 302
    found = Profile.objects.get(user=alice)
    assert (found.time_zone, found.locale, found.preferences) == ("Europe/Zurich", "de-CH", {"signature": "Gruss"})
    assert "time_zone" in AuditEntry.objects.filter(action="changed").get().detail["fields"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"locale": "german"},
        {"preferences": "[1]"},
        {"preferences": "{"},
        {"preferences": f'{{"a": "{"x" * 9000}"}}'},
    ],
)
def test_what_makes_no_sense_is_explained(page: Client, wrong: dict[str, str]) -> None:
    answer = page.post("/account/profile/", {**PERSON, **ZURICH, **wrong})
    assert "field-error" in answer.content.decode()
    assert not Profile.objects.exists()


def test_pages_show_times_in_the_users_zone(page: Client, alice: User) -> None:
    token = ApiToken.objects.create(user=alice, name="t", prefix="af_", digest="x")
    ApiToken.objects.filter(pk=token.pk).update(created_at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    assert "2026-07-01 22:30:00 UTC" in page.get("/account/").content.decode()
    Profile.objects.create(user=alice, time_zone="Europe/Zurich")
    shown = page.get("/account/").content.decode()
    assert "2026-07-02 00:30:00 CEST" in shown
    assert "02 Jul 2026" in shown


def test_a_zone_that_is_gone_does_not_break_pages(page: Client, alice: User) -> None:
    Profile.objects.create(user=alice, time_zone="Europe/Atlantis")
    assert page.get("/account/").status_code == 200
