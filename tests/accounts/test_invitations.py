"""Invitations: a link, once, in time."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.test import Client
from django.utils import timezone

from agentflow.accounts import groups
from agentflow.accounts.access import group_rank
from agentflow.accounts.invitations import invite
from agentflow.accounts.models import AuditEntry, GroupRole, Invitation


@pytest.fixture
def team(alice: User) -> Group:
    """Alice owns it."""
    return groups.create_group(name="Team", owner=alice)


@pytest.fixture
def address(team: Group, alice: User) -> str:
    """Where a runner is invited to."""
    return f"/invitations/{invite(team, role=GroupRole.RUNNER, by=alice)[1]}/"


def test_an_invitation_is_made_on_the_page_and_shown_once(client: Client, alice: User, team: Group) -> None:
    client.force_login(alice)
    shown = client.post(f"/groups/{team.pk}/invitations/", {"role": "viewer", "email": ""}).content.decode()
    link = re.search(r'id="invitation">http://testserver(/invitations/[\w-]{43}/)<', shown)
    assert link is not None
    assert link[1] not in client.get(f"/groups/{team.pk}/").content.decode()
    assert link[1].split("/")[2] not in str(Invitation.objects.values().get())
    assert client.get(link[1]).status_code == 200
    assert not mail.outbox


def test_an_invitation_is_sent(client: Client, alice: User, team: Group) -> None:
    client.force_login(alice)
    client.post(f"/groups/{team.pk}/invitations/", {"role": "viewer", "email": "bob@example.org"})
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["bob@example.org"], "Join Team on agentflow")
    assert "http://testserver/invitations/" in letter.body


def test_who_is_logged_in_joins(client: Client, bob: User, team: Group, address: str) -> None:
    client.force_login(bob)
    assert "Join Team" in client.get(address).content.decode()
    assert client.post(address)["Location"] == "/graphs/"
    assert group_rank(bob, team) == 2
    assert AuditEntry.objects.filter(action="joined", actor_name="bob").exists()


def test_who_has_no_account_makes_one(client: Client, team: Group, address: str) -> None:
    person = {"username": "dora", "email": "", "password1": "long-enough-3", "password2": "long-enough-3"}
    assert client.post(address, person)["Location"] == "/graphs/"
    assert group_rank(User.objects.get(username="dora"), team) == 2
    assert client.get("/account/").status_code == 200


def test_a_weak_password_makes_no_account(client: Client, address: str) -> None:
    answer = client.post(address, {"username": "dora", "password1": "dora", "password2": "dora"})
    assert "too short" in answer.content.decode()
    assert Invitation.objects.get().used_at is None
    assert not User.objects.filter(username="dora").exists()


def test_an_invitation_lets_one_person_in(client: Client, bob: User, charlie: User, team: Group, address: str) -> None:
    client.force_login(bob)
    client.post(address)
    client.force_login(charlie)
    assert (client.get(address).status_code, client.post(address).status_code) == (404, 404)
    assert group_rank(charlie, team) is None


@pytest.mark.parametrize(
    "over", [{"expires_at": timezone.now() - timedelta(seconds=1)}, {"revoked_at": timezone.now()}]
)
def test_an_invitation_that_is_over_lets_nobody_in(client: Client, bob: User, team: Group, address: str, over) -> None:
    Invitation.objects.update(**over)
    client.force_login(bob)
    assert (client.post(address).status_code, group_rank(bob, team)) == (404, None)


def test_an_invitation_is_taken_back(client: Client, alice: User, team: Group, address: str) -> None:
    client.force_login(alice)
    client.post(f"/groups/{team.pk}/invitations/{Invitation.objects.get().pk}/revoke/")
    assert client.get(address).status_code == 404


def test_an_unknown_link_is_no_invitation(client: Client, db: None) -> None:
    answer = client.get("/invitations/x/")
    assert (answer.status_code, "is over" in answer.content.decode()) == (404, True)


def test_an_invitation_takes_no_role_away(client: Client, alice: User, team: Group, address: str) -> None:
    client.force_login(alice)
    client.post(address)
    assert group_rank(alice, team) == 4
