"""Groups: roles, what they own, what is shared with them."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from agentflow.accounts import groups
from agentflow.accounts.access import group_rank, groups_of
from agentflow.accounts.models import AuditEntry, GroupRole, Membership
from agentflow.graphs import sharing
from agentflow.graphs.models import Graph, Role
from agentflow.graphs.permissions import graphs_for, role_name
from tests import factories

ROLES = ["viewer", "runner", "editor", "owner"]


@pytest.fixture
def team(alice: User) -> Group:
    """Alice owns it."""
    return groups.create_group(name="Team", owner=alice)


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


def role_of(user: User, graph: Graph) -> str | None:
    found = graphs_for(user).filter(pk=graph.pk).first()
    return role_name(found) if found else None


@pytest.mark.parametrize("role", ROLES)
def test_a_member_may_do_with_the_groups_graph_what_the_role_says(
    alice: User, bob: User, team: Group, role: str
) -> None:
    groups.put_in(team, user=bob, role=role)
    graph = factories.graph(alice)
    sharing.give_to_group(graph, group=team, by=alice)
    assert role_of(bob, graph) == role
    assert [name for name in ROLES if graphs_for(bob, name).filter(pk=graph.pk).exists()] == ROLES[
        : ROLES.index(role) + 1
    ]


@pytest.mark.parametrize("own", ROLES)
@pytest.mark.parametrize("shared", ROLES[:3])
def test_a_share_gives_the_smaller_of_two_roles(alice: User, bob: User, team: Group, shared: str, own: str) -> None:
    groups.put_in(team, user=bob, role=own)
    graph = factories.graph(alice)
    sharing.share(graph, group=team, role=shared, by=alice)
    smaller = min(shared, own, key=ROLES.index)
    assert role_of(bob, graph) == smaller
    assert [name for name in ROLES if graphs_for(bob, name).exists()] == ROLES[: ROLES.index(smaller) + 1]


def test_the_largest_of_several_ways_counts(alice: User, bob: User, team: Group) -> None:
    other = groups.create_group(name="Other", owner=alice)
    graph = factories.graph(alice)
    groups.put_in(team, user=bob, role=GroupRole.VIEWER)
    groups.put_in(other, user=bob, role=GroupRole.EDITOR)
    sharing.give_to_group(graph, group=team, by=alice)
    sharing.share(graph, group=other, role=Role.RUNNER, by=alice)
    assert role_of(bob, graph) == "runner"


def test_whom_the_administration_puts_in_is_an_editor(bob: User, team: Group) -> None:
    bob.groups.add(team)
    assert group_rank(bob, team) == 3
    assert list(groups_of(bob, "editor")) == [team]
    assert not groups_of(bob, "owner").exists()


def test_a_role_does_not_outlive_a_membership(bob: User, team: Group) -> None:
    groups.put_in(team, user=bob, role=GroupRole.OWNER)
    bob.groups.remove(team)
    assert not Membership.objects.filter(user=bob).exists()
    assert group_rank(bob, team) is None


def test_the_group_keeps_what_a_member_leaves_behind(alice: User, bob: User, team: Group) -> None:
    groups.put_in(team, user=bob, role=GroupRole.EDITOR)
    graph = factories.graph(bob)
    sharing.give_to_group(graph, group=team, by=bob)
    groups.take_out(team, user=bob, by=alice)
    graph.refresh_from_db()
    assert (graph.owner, role_of(bob, graph)) == (alice, None)


def test_a_group_keeps_an_owner(alice: User, bob: User, team: Group) -> None:
    groups.put_in(team, user=bob, role=GroupRole.EDITOR)
    with pytest.raises(groups.GroupRefused, match="needs an owner"):
        groups.take_out(team, user=alice, by=alice)
    with pytest.raises(groups.GroupRefused, match="needs an owner"):
        groups.set_role(team, user=alice, role=GroupRole.VIEWER, by=alice)
    groups.set_role(team, user=bob, role=GroupRole.OWNER, by=alice)
    groups.take_out(team, user=alice, by=alice)
    assert groups.members(team) == [(bob, "owner")]


def test_a_group_that_owns_something_is_not_deleted(alice: User, team: Group) -> None:
    graph = factories.graph(alice, name="Digest")
    sharing.give_to_group(graph, group=team, by=alice)
    with pytest.raises(groups.GroupRefused, match="owns Digest"):
        groups.delete_group(team, by=alice)
    sharing.give_to_group(graph, group=None, by=alice)
    groups.delete_group(team, by=alice)
    assert not Group.objects.exists()


def test_a_group_is_made_on_the_page(page: Client, alice: User) -> None:
    answer = page.post("/groups/new/", {"name": "  New   team "}, follow=True)
    group = Group.objects.get(name="New team")
    assert (answer.status_code, group_rank(alice, group)) == (200, 4)
    assert "New team" in page.get("/groups/").content.decode()


def test_a_taken_name_is_explained(page: Client, team: Group) -> None:
    answer = page.post("/groups/new/", {"name": "Team"}, follow=True)
    assert "There is another group" in answer.content.decode()


def test_members_see_the_page_and_change_nothing(client: Client, alice: User, bob: User, team: Group) -> None:
    groups.put_in(team, user=bob, role=GroupRole.EDITOR)
    client.force_login(bob)
    shown = client.get(f"/groups/{team.pk}/").content.decode()
    assert "alice" in shown
    assert "Invitations" not in shown
    answer = client.post(f"/groups/{team.pk}/members/{bob.pk}/role/", {"role": "owner"})
    assert (answer.status_code, group_rank(bob, team)) == (403, 3)
    assert client.post(f"/groups/{team.pk}/members/{alice.pk}/remove/").status_code == 403


def test_a_member_leaves(client: Client, bob: User, team: Group) -> None:
    groups.put_in(team, user=bob, role=GroupRole.VIEWER)
    client.force_login(bob)
    client.post(f"/groups/{team.pk}/members/{bob.pk}/remove/")
    assert group_rank(bob, team) is None
    assert client.get(f"/groups/{team.pk}/").status_code == 404


def test_an_owner_changes_roles(page: Client, bob: User, team: Group) -> None:
    groups.put_in(team, user=bob, role=GroupRole.VIEWER)
    page.post(f"/groups/{team.pk}/members/{bob.pk}/role/", {"role": "runner"})
    assert group_rank(bob, team) == 2
    assert AuditEntry.objects.filter(action="changed", target_name="Team").get().detail["role"] == "runner"


def test_a_graph_is_shared_and_given_on_its_page(page: Client, alice: User, bob: User, team: Group) -> None:
    groups.put_in(team, user=bob, role=GroupRole.EDITOR)
    graph = factories.graph(alice)
    assert "Shared with nobody" in page.get(f"/graphs/{graph.pk}/sharing/").content.decode()
    page.post(f"/graphs/{graph.pk}/share/", {"group": team.pk, "role": "viewer"})
    assert role_of(bob, graph) == "viewer"
    page.post(f"/graphs/{graph.pk}/share/", {"group": team.pk})
    assert role_of(bob, graph) is None
    page.post(f"/graphs/{graph.pk}/give/", {"group": team.pk})
    assert role_of(bob, graph) == "editor"
    shown = page.get(f"/graphs/{graph.pk}/history/").content.decode()
    assert all(f"<td>{word}</td>" in shown for word in ("shared", "unshared", "gave"))


def test_a_graph_is_not_shared_with_a_group_of_strangers(page: Client, alice: User, bob: User) -> None:
    other = groups.create_group(name="Bob's", owner=bob)
    graph = factories.graph(alice)
    for address in ("share", "give"):
        assert page.post(f"/graphs/{graph.pk}/{address}/", {"group": other.pk, "role": "viewer"}).status_code == 404
