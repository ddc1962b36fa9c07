"""Roles on graphs."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied
from django.http import Http404

from agentflow.graphs.models import Graph, Role
from agentflow.graphs.permissions import get_graph, graphs_for, role_name
from tests import factories

ROLES = ["viewer", "runner", "editor", "owner"]


@pytest.mark.parametrize("needed", ROLES)
@pytest.mark.parametrize("given", ROLES[:3])
def test_a_role_includes_the_smaller_ones(alice: User, bob: User, given: str, needed: str) -> None:
    graph = factories.graph(alice)
    factories.share(graph, bob, Role(given))
    assert graphs_for(bob, needed).exists() == (ROLES.index(needed) <= ROLES.index(given))


def test_the_best_of_several_shares_counts(alice: User, bob: User) -> None:
    graph = factories.graph(alice)
    factories.share(graph, bob, Role.VIEWER)
    other = Group.objects.create(name="editors")
    other.user_set.add(bob)
    graph.shares.create(group=other, role=Role.EDITOR)
    assert [role_name(found) for found in graphs_for(bob)] == ["editor"]


def test_a_stranger_is_told_that_there_is_none(alice: User, charlie: User) -> None:
    with pytest.raises(Http404):
        get_graph(charlie, factories.graph(alice).pk)


def test_a_viewer_is_told_that_the_role_is_too_small(alice: User, bob: User) -> None:
    graph = factories.graph(alice)
    factories.share(graph, bob)
    with pytest.raises(PermissionDenied, match="editor"):
        get_graph(bob, graph.pk, "editor")


def test_an_administrator_owns_every_graph(alice: User, admin: User) -> None:
    assert role_name(get_graph(admin, factories.graph(alice).pk, "owner")) == "owner"


def test_nobody_sees_nothing(alice: User) -> None:
    factories.graph(alice)
    assert not graphs_for(AnonymousUser()).exists()


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30])
def test_an_impossible_id_is_no_graph(alice: User, number: int) -> None:
    with pytest.raises(Http404):
        get_graph(alice, number)


def test_graphs_with_roles_serve_as_a_subquery(alice: User, bob: User) -> None:
    graph = factories.graph(alice)
    factories.share(graph, bob)
    assert Graph.objects.filter(pk__in=graphs_for(bob)).get() == graph
    assert Graph.objects.filter(versions__graph__in=graphs_for(bob)).count() == 0
