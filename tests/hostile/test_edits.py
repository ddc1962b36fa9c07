"""Edits by two people in any order, right and wrong ones, sent once and again: the draft is always what a model says."""

import json
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from agentflow.graphs.drafts import draft_spec
from agentflow.graphs.models import Graph, Role
from agentflow.graphs.operations import Draft, apply
from agentflow.graphs.spec import to_json
from tests import factories
from tests.graphs.strategies import texts, values
from tests.hostile.bad import broken, json_bytes, settled
from tests.hostile.test_graphs import refuse_breakage
from tests.tracebacks import Tracebacks

KEYS = ["a", "b", "__proto__", "c.d/~e"]
keys = st.sampled_from(KEYS)
names = st.sampled_from(["value", "x y", "__proto__", "ñ/~0", "a.b"])
places = st.tuples(st.integers(-9, 9), st.floats(-9, 9)).map(list)
links = st.fixed_dictionaries({"source": keys, "source_port": names, "sink": keys, "sink_port": names})
nodes = st.fixed_dictionaries(
    {"key": keys, "block": st.sampled_from(["core.value", "no.such"]), "block_version": st.just(1)},
    optional={"title": texts, "config": st.dictionaries(names, values, max_size=2), "pinned": st.just({"value": 1})},
)
operations = st.one_of(
    st.fixed_dictionaries({"op": st.just("add_node"), "node": nodes}, optional={"at": places}),
    st.fixed_dictionaries({"op": st.just("remove_node"), "key": keys}),
    st.fixed_dictionaries({"op": st.just("set_config"), "key": keys, "name": names, "value": values}),
    st.fixed_dictionaries({"op": st.just("unset_config"), "key": keys, "name": names}),
    st.fixed_dictionaries({"op": st.just("set_title"), "key": keys, "title": texts}),
    st.fixed_dictionaries(
        {"op": st.just("set_policy"), "key": keys, "name": st.just("retries"), "value": st.integers(0, 3)}
    ),
    st.fixed_dictionaries({"op": st.just("set_join"), "key": keys, "join": st.sampled_from(["match", "zip"])}),
    st.fixed_dictionaries(
        {"op": st.just("set_pinned"), "key": keys, "pinned": st.none() | st.dictionaries(names, values, max_size=1)}
    ),
    st.fixed_dictionaries({"op": st.just("move"), "key": keys, "at": places}),
    st.fixed_dictionaries({"op": st.sampled_from(["add_link", "remove_link"]), "link": links}),
    st.fixed_dictionaries({"op": st.just("set_graph"), "name": st.just("description"), "value": texts}),
    st.fixed_dictionaries({"op": st.just("set_graph"), "name": st.just("limits"), "value": st.just({"laps": 7})}),
)
edits = st.lists(operations, min_size=1, max_size=4)
steps = st.tuples(st.sampled_from(["edit"] * 6 + ["break", "again", "other", "replace", "stale"]), st.booleans(), edits)


class Refused(Exception):
    """The model does not take an operation."""


@dataclass
class Model:
    """A draft as simple as can be, written apart from the product."""

    description: str = ""
    limits: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, list[float]] = field(default_factory=dict)
    links: list[dict[str, str]] = field(default_factory=list)

    def spec(self) -> dict[str, Any]:
        """As the API exports it."""
        order = sorted(self.nodes)
        return {
            "name": "Graph",
            "description": self.description,
            "nodes": [self.nodes[key] for key in order],
            "links": self.links,
            "layout": {key: self.places[key] for key in order},
            "annotations": [],
            "limits": self.limits,
        }

    def edited(self, edit: list[Any]) -> "Model":
        """What all operations make of it; raises Refused if one cannot be."""
        made = deepcopy(self)
        for operation in edit:
            getattr(made, operation["op"])(**{name: part for name, part in operation.items() if name != "op"})
        return made

    def node(self, key: str) -> dict[str, Any]:
        if key not in self.nodes:
            raise Refused
        return self.nodes[key]

    def add_node(self, node: dict[str, Any], at: Any = (0, 0)) -> None:
        default = {"config": {}, "title": "", "policy": {}, "join": "match"}
        if self.nodes.setdefault(node["key"], {**default, **node}) != {**default, **node}:
            raise Refused
        self.places.setdefault(node["key"], list(at))

    def remove_node(self, key: str) -> None:
        self.nodes.pop(key, None)
        self.places.pop(key, None)
        self.links = [link for link in self.links if key not in (link["source"], link["sink"])]

    def set_config(self, key: str, name: str, value: Any) -> None:
        self.node(key)["config"][name] = value

    def unset_config(self, key: str, name: str) -> None:
        self.node(key)["config"].pop(name, None)

    def set_title(self, key: str, title: str) -> None:
        self.node(key)["title"] = title

    def set_policy(self, key: str, name: str, value: Any) -> None:
        self.node(key)["policy"] = {name: value} if value else {}

    def set_join(self, key: str, join: str) -> None:
        self.node(key)["join"] = join

    def set_pinned(self, key: str, pinned: Any) -> None:
        self.node(key)["pinned"] = pinned
        if pinned is None:
            del self.node(key)["pinned"]

    def move(self, key: str, at: Any) -> None:
        self.node(key)
        self.places[key] = at

    def add_link(self, link: dict[str, str]) -> None:
        self.node(link["source"])
        self.node(link["sink"])
        if link not in self.links:
            self.links.append(link)

    def remove_link(self, link: dict[str, str]) -> None:
        self.links = [other for other in self.links if other != link]

    def set_graph(self, name: str, value: Any) -> None:
        setattr(self, name, value)


class Editors:
    """Two people and what they have done so far."""

    def __init__(self, graph: Graph, clients: list[APIClient]) -> None:
        self.graph, self.clients = graph, clients
        self.model = Model()
        self.sent: list[tuple[dict[str, Any], int]] = []

    def send(self, who: bool, body: Any) -> Any:
        address = f"/api/v1/graphs/{self.graph.pk}/edits/"
        answer = self.clients[who].post(address, json_bytes(body), content_type="application/json")
        refuse_breakage(answer, body)
        return answer

    def edit(self, who: bool, edit: list[Any]) -> None:
        body = {"edit_id": str(uuid4()), "operations": edit}
        answer = self.send(who, body)
        try:
            self.model = self.model.edited(edit)
        except Refused:
            assert answer.status_code == 422
        else:
            assert answer.status_code == 200, answer.json()
            self.sent.append((body, answer.json()["revision"]))

    def again(self, who: bool, edit: list[Any]) -> None:
        for body, revision in self.sent[-3:]:
            assert self.send(who, body).json()["revision"] == revision

    def other(self, who: bool, edit: list[Any]) -> None:
        for body, _ in self.sent[-1:]:
            assert self.send(who, {**body, "operations": [*body["operations"], *edit]}).status_code == 409

    def replace(self, who: bool, edit: list[Any]) -> None:
        assert self.put(who, self.revision(), edit).status_code == 200

    def stale(self, who: bool, edit: list[Any]) -> None:
        before = self.model
        if self.put(who, self.revision() + 1, edit).status_code == 412:
            self.model = before

    def put(self, who: bool, revision: int, edit: list[Any]) -> Any:
        with suppress(Refused):
            self.model = self.model.edited(edit)
        address = f"/api/v1/graphs/{self.graph.pk}/"
        body = json_bytes({"spec": self.model.spec()})
        return self.clients[who].put(
            address, body, content_type="application/json", headers={"If-Match": f'"{revision}"'}
        )

    def revision(self) -> int:
        self.graph.refresh_from_db()
        return self.graph.revision


def replayed(graph: Graph) -> Any:
    """What the kept edits make of nothing."""
    draft = Draft(name="Graph")
    for edit in graph.edits.order_by("revision"):
        apply(draft, edit.operations)
    return draft


@given(data=st.data(), plan=st.lists(steps, min_size=1, max_size=12))
@settled(25)
def test_no_edit_is_lost_and_none_is_done_twice(
    alice: User,
    bob: User,
    alice_api: APIClient,
    bob_api: APIClient,
    tracebacks: Tracebacks,
    unthrottled: None,
    data: st.DataObject,
    plan: list[Any],
) -> None:
    graph = factories.graph(alice)
    factories.share(graph, bob, Role.EDITOR)
    editors = Editors(graph, [alice_api, bob_api])
    for step, who, edit in plan:
        if step == "break":
            body = {"edit_id": str(uuid4()), "operations": edit}
            wrong = data.draw(broken(body))
            before = editors.revision()
            if editors.send(who, wrong).status_code == 200 and editors.revision() > before:
                editors.model = editors.model.edited(graph.edits.latest("revision").operations)
        else:
            getattr(editors, step)(who, edit)
        graph = Graph.objects.get(pk=graph.pk)
        assert to_json(draft_spec(graph)) == editors.model.spec()
    draft = replayed(graph)
    assert list(graph.edits.order_by("revision").values_list("revision", flat=True)) == [*range(1, graph.revision + 1)]
    assert json.loads(json.dumps(draft.layout)) == editors.model.places
    assert set(draft.links) == set(draft_spec(graph).links)
    assert {node.key: node for node in draft_spec(graph).nodes} == draft.nodes
    tracebacks.refuse()
