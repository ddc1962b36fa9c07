"""Random graphs for property tests."""

from hypothesis import strategies as st

from agentflow.graphs.spec import GraphSpec, Join, Limits, LinkSpec, NodeSpec, OnError, Policy

names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9, allow_nan=False, width=32)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
policies = st.builds(
    Policy,
    retries=st.integers(0, 10),
    timeout_seconds=st.integers(0, 100),
    on_error=st.sampled_from(OnError),
    concurrency=st.integers(0, 10),
)
limits = st.builds(
    Limits,
    laps=st.integers(1, 50),
    seconds=st.integers(0, 60),
    items=st.integers(1, 50),
    value_bytes=st.integers(0, 50),
)
pinned = st.none() | st.dictionaries(st.sampled_from(["value", "y"]), values, max_size=2)
places = st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000))


@st.composite
def specs(draw: st.DrawFn) -> GraphSpec:
    """A graph of a few nodes from a small set of keys, so that two of them overlap."""
    keys = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=5))
    nodes = [
        NodeSpec(
            key=key,
            block=draw(st.sampled_from(["core.value", "text.join"])),
            config=draw(st.dictionaries(st.sampled_from(["value", "x"]), values, max_size=2)),
            title=draw(texts),
            policy=draw(policies),
            join=draw(st.sampled_from(Join)),
            pinned=draw(pinned),
        )
        for key in sorted(keys)
    ]
    links = st.builds(
        LinkSpec, st.sampled_from(keys), st.sampled_from("pq"), st.sampled_from(keys), st.sampled_from("rs")
    )
    return GraphSpec(
        name=draw(names),
        description=draw(texts),
        nodes=tuple(nodes),
        links=tuple(draw(st.lists(links, unique=True, max_size=6))) if keys else (),
        layout={key: draw(places) for key in keys},
        annotations=tuple(draw(st.lists(st.dictionaries(names, values, max_size=2), max_size=2))),
        limits=draw(limits),
    )
