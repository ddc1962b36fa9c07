"""When nodes run: matching, loops, merges, cycles, failures, limits."""

from itertools import chain

import pytest

from agentflow.graphs.spec import GraphSpec, Limits
from blocks.base import BlockError
from executions.engine.plan import compile_plan
from executions.engine.scheduler import Finish, PortError, Run, Scheduler, Skip, Start, Stop
from executions.engine.simulate import Trace, simulate
from executions.engine.status import Reason, Status
from tests.engine.drawing import BLOCKS, graph


def play(spec: GraphSpec, inputs=None, **options) -> Trace:
    return simulate(spec, BLOCKS, inputs, **options)


def yields(*values):
    """A behaviour that yields these (port, value) pairs."""
    return lambda run, input: values


def fails(message="no", *before):
    def behaviour(run, input):
        yield from before
        raise BlockError(message, retry=False)

    return behaviour


def scheduler(drawing: str, **options) -> Scheduler:
    limits = options.pop("limits", None)
    concurrency = options.pop("concurrency", 100)
    return Scheduler(compile_plan(graph(drawing, limits=limits, **options), BLOCKS), concurrency=concurrency)


def started(commands) -> list[Run]:
    return [command.run for command in commands if isinstance(command, Start)]


# Matching


def test_nodes_without_links_run_at_the_start():
    assert [run.node for run in started(scheduler("a; b; a -> c").start())] == ["a", "b"]


def test_a_value_travels_before_its_run_ends():
    engine = scheduler("a -> b")
    (a,) = started(engine.start())
    (b,) = started(engine.emit(a, "out", 5, 7))
    assert [(arrival.value, arrival.ref) for arrival in b.arrivals] == [(5, 7)]


def test_a_node_waits_for_all_its_ports():
    engine = scheduler("a -> c; b -> c")
    a, b = started(engine.start())
    assert not started(engine.emit(a, "out", 1))
    (c,) = started(engine.emit(b, "out", 2))
    assert [arrival.value for arrival in c.arrivals] == [1, 2]


def test_arrivals_are_in_the_order_of_ports_not_of_time():
    engine = scheduler("a -> c; b -> c")
    a, b = started(engine.start())
    engine.emit(b, "out", 2)
    (c,) = started(engine.emit(a, "out", 1))
    assert [arrival.value for arrival in c.arrivals] == [1, 2]


def test_several_links_into_one_port_make_a_run_for_each_value():
    trace = play(graph("a -> c.x; b -> c.x"), behaviours={"a": yields(("out", 1)), "b": yields(("out", 2))})
    assert sorted(trace.rows) == [("a", (), 0), ("b", (), 0), ("c", (), 0), ("c", (), 1)]


def test_values_on_one_port_queue_first_in_first_out():
    engine = scheduler("a -> m.x; b -> m.x; c -> d.y; m -> d.x")
    a, b, c = started(engine.start())
    (first,) = started(engine.emit(b, "out", "b"))
    (second,) = started(engine.emit(a, "out", "a"))
    engine.emit(first, "out", "b")
    engine.emit(second, "out", "a")
    (d,) = started(engine.emit(c, "out", "c"))
    assert [arrival.value for arrival in d.arrivals] == ["b", "c"]


def test_null_and_other_empty_values_travel():
    trace = play(graph("a -> b"), behaviours={"a": yields(("out", None))})
    assert ("b", (), 0) in trace.rows


def test_a_second_value_on_a_port_that_is_no_stream_is_refused():
    engine = scheduler("a -> b")
    (a,) = started(engine.start())
    engine.emit(a, "out", 1)
    with pytest.raises(PortError, match="no stream"):
        engine.emit(a, "out", 2)


def test_a_port_that_does_not_exist_is_refused():
    engine = scheduler("a -> b")
    (a,) = started(engine.start())
    with pytest.raises(PortError, match="nowhere"):
        engine.emit(a, "nowhere", 1)


def test_a_chain_of_ten_thousand_nodes_needs_no_deep_stack():
    names = [f"n{number}" for number in range(10_000)]
    trace = play(graph(" -> ".join(names)), behaviours={"n0": yields(("out", 1))})
    assert trace.outputs == {}
    assert len(trace.rows) == 10_000


def test_skipping_ten_thousand_nodes_needs_no_deep_stack():
    names = [f"n{number}" for number in range(10_000)]
    trace = play(graph(" -> ".join(names)), behaviours={"n0": yields()})
    assert len(trace.skipped) == 9_999


# Parts


def test_a_link_takes_a_part():
    engine = scheduler("a.out.rows.1.name -> b")
    (a,) = started(engine.start())
    (b,) = started(engine.emit(a, "out", {"rows": [{}, {"name": "Ann"}]}))
    assert b.arrivals[0].value == "Ann"


def test_a_part_is_not_copied():
    engine = scheduler("a.out.rows -> b")
    (a,) = started(engine.start())
    rows = [1, 2]
    (b,) = started(engine.emit(a, "out", {"rows": rows}))
    assert b.arrivals[0].value is rows


@pytest.mark.parametrize("value", [{}, {"rows": []}, {"rows": None}, None])
def test_a_missing_part_carries_nothing_and_is_named(value):
    trace = play(graph("a.out.rows.0 -> b"), behaviours={"a": yields(("out", value))})
    assert trace.status is Status.COMPLETED
    assert "gave no “out.rows.0”" in trace.skipped["b"].reason
    assert trace.skipped["b"].port == "x"


@pytest.mark.parametrize("value", [5, "text", True, {"rows": 5}])
def test_a_part_of_the_wrong_kind_fails_the_source(value):
    trace = play(graph("a.out.rows.0 -> b; a.out -> c"), behaviours={"a": yields(("out", value))})
    assert trace.rows["a", (), 0].status is Status.FAILED
    assert trace.paths("c") == []


# Skipping


def test_a_branch_that_gets_nothing_is_skipped_at_once():
    engine = scheduler("a.other -> b -> c; a.out -> d")
    (a,) = started(engine.start())
    (d,) = started(engine.emit(a, "out", 1))
    skips = [command for command in engine.complete(a) if isinstance(command, Skip)]
    assert [(skip.node, skip.port) for skip in skips] == [("b", "x"), ("c", "x")]
    assert isinstance(engine.complete(d)[-1], Finish)


def test_a_skip_names_the_port_that_stayed_empty():
    trace = play(graph("a.out -> c.x; b.other -> c.y"))
    assert trace.skipped["c"].port == "y"


def test_a_merge_is_not_skipped_when_one_side_is_alive():
    trace = play(graph("a.out -> b -> m.x; a.other -> c -> m.x"))
    assert set(trace.skipped) == {"c"}
    assert trace.paths("m") == [()]


def test_values_that_are_never_completed_do_not_block_the_end():
    trace = play(graph("a.out -> c.x; b.other -> c.y; c -> d"))
    assert trace.status is Status.COMPLETED
    assert set(trace.skipped) == {"c", "d"}


def test_inside_a_loop_a_node_that_ran_for_one_item_is_not_skipped():
    work = lambda run, input: [("out", 1)] if run.path == (1,) else []
    trace = play(graph("rows:each -> a -> b", rows={"items": [1, 2, 3]}), behaviours={"a": work})
    assert trace.paths("b") == [(1,)]
    assert not trace.skipped


def test_ports_that_never_met_name_the_first_missing_one():
    one = lambda run, input: [("out", 1)] if run.path == (0,) else [("other", 1)]
    trace = play(graph("rows:each -> a; a.out -> b.x; a.other -> b.y", rows={"items": [1, 2]}), behaviours={"a": one})
    assert trace.skipped["b"].port == "y"


# Loops


def test_everything_after_a_stream_runs_for_each_item():
    trace = play(graph("rows:each -> a -> b", rows={"items": "abc"}))
    assert trace.paths("b") == [(0,), (1,), (2,)]


def test_streams_of_one_node_share_the_items_numbers():
    trace = play(graph("rows:each -> a; rows.key -> a", rows={"items": "ab"}))
    assert trace.values("a", "out") == [["a", 0], ["b", 1]]


@pytest.mark.parametrize("seed", range(10))
def test_a_collect_gets_values_in_item_order(seed):
    spec = graph("rows:each -> a -> all:collect", rows={"items": list(range(20))})
    assert play(spec, seed=seed).values("all", "out") == [list(range(20))]


def test_a_collect_waits_for_the_last_item():
    engine = scheduler("rows:each -> a -> all:collect")
    (rows,) = started(engine.start())
    (first,) = started(engine.emit(rows, "item", 1))
    (second,) = started(engine.emit(rows, "item", 2))
    engine.complete(rows)
    engine.emit(second, "out", "second")
    assert not started(engine.complete(second))
    engine.emit(first, "out", "first")
    (collect,) = started(engine.complete(first))
    assert [arrival.value for arrival in collect.arrivals] == ["first", "second"]
    assert collect.indices == {"items": (0, 1)}


def test_items_that_were_filtered_out_are_absent_with_their_numbers():
    odd = lambda run, input: [("out", input["x"])] if input["x"] % 2 else []
    trace = play(graph("rows:each -> a -> all:collect", rows={"items": [1, 2, 3]}), behaviours={"a": odd})
    assert trace.values("all", "out") == [[1, 3]]
    assert trace.values("all", "indices") == [[0, 2]]


def test_items_that_failed_and_were_handled_are_absent():
    def odd(run, input):
        if input["x"] == 2:
            raise BlockError("even")
        yield "out", input["x"]

    spec = graph("rows:each -> a -> all:collect; a.error -> e", rows={"items": [1, 2, 3]})
    trace = play(spec, behaviours={"a": odd})
    assert trace.values("all", "out") == [[1, 3]]
    assert trace.status is Status.COMPLETED


def test_an_empty_loop_gives_an_empty_list():
    trace = play(graph("rows:each -> a -> all:collect -> b", rows={"items": []}))
    assert trace.values("all", "out") == [[]]
    assert set(trace.skipped) == {"a"}


def test_a_loop_that_never_ran_skips_its_collect():
    trace = play(graph("s.other -> rows:each -> a -> all:collect -> b"))
    assert set(trace.skipped) == {"rows", "a", "all", "b"}
    assert "the loop of “rows” never ran" in trace.skipped["all"].reason


def test_a_producer_that_failed_before_its_first_item_skips_the_collect():
    spec = graph("rows:each -> a -> all:collect; rows.error -> e")
    trace = play(spec, behaviours={"rows": fails()})
    assert set(trace.skipped) == {"a", "all"}


def test_items_yielded_before_a_handled_failure_stay():
    spec = graph("rows:each -> all:collect; rows.error -> e")
    trace = play(spec, behaviours={"rows": fails("no", ("item", 1), ("item", 2))})
    assert trace.values("all", "out") == [[1, 2]]


def test_a_collect_directly_after_its_stream():
    assert play(graph("rows:each -> all:collect", rows={"items": "ab"})).values("all", "out") == [["a", "b"]]


@pytest.mark.parametrize("seed", range(10))
def test_nested_loops_collect_the_inner_one_for_each_outer_item(seed):
    items = [[1, 2], [], [3]]
    spec = graph("outer:each -> inner:each -> a -> some:collect -> all:collect", outer={"items": items})
    trace = play(spec, seed=seed)
    assert trace.values("some", "out") == items
    assert trace.values("all", "out") == [items]


def test_an_inner_collect_does_not_wait_for_other_outer_items():
    engine = scheduler("outer:each -> inner:each -> some:collect")
    (outer,) = started(engine.start())
    (first,) = started(engine.emit(outer, "item", [1]))
    engine.emit(first, "item", 1)
    (some,) = started(engine.complete(first))
    assert some.path == (0,)


def test_an_inner_collect_is_there_for_every_outer_item_that_ran_its_loop():
    some = lambda run, input: [] if run.path == (1,) else [("out", input["x"])]
    spec = graph("outer:each -> f -> inner:each -> part:collect -> all:collect", outer={"items": [[1], [2], []]})
    trace = play(spec, behaviours={"f": some})
    assert trace.values("all", "out") == [[[1], []]]
    assert trace.values("all", "indices") == [[0, 2]]


@pytest.mark.parametrize("seed", range(10))
def test_values_from_outside_are_seen_inside_early_or_late(seed):
    spec = graph("rows:each -> a; s -> a -> all:collect", rows={"items": [1, 2]}, s={"x": "o"})
    assert play(spec, seed=seed).values("all", "out") == [[[1, "o"], [2, "o"]]]


@pytest.mark.parametrize("seed", range(10))
def test_values_from_two_levels_outside_are_seen(seed):
    spec = graph(
        "outer:each -> inner:each -> a; outer.key -> a; s -> a; a -> some:collect -> all:collect",
        outer={"items": ["ab", "c"]},
        s={"x": "o"},
    )
    assert play(spec, seed=seed).values("all", "out") == [[[["a", 0, "o"], ["b", 0, "o"]], [["c", 1, "o"]]]]


@pytest.mark.parametrize("seed", range(10))
def test_several_outer_values_make_every_combination(seed):
    spec = graph(
        "rows:each -> a.x; s -> m.x; t -> m.x; m -> a.y; a -> all:collect",
        rows={"items": [1, 2]},
        s={"x": "s"},
        t={"x": "t"},
    )
    (pairs,) = play(spec, seed=seed).values("all", "out")
    assert sorted(pairs) == [[1, "s"], [1, "t"], [2, "s"], [2, "t"]]


def test_a_collect_inside_can_also_take_a_value_from_outside():
    trace = play(graph("rows:each -> all:collect; s.other -> all.x", rows={"items": [1]}))
    assert trace.skipped["all"].port == "x"


def test_a_stream_that_runs_again_at_one_path_goes_on_counting():
    spec = graph("rows:each -> all:collect; s -> rows.items; t -> rows.items", s={"x": "ab"}, t={"x": "c"})
    trace = play(spec)
    assert trace.values("all", "indices") == [[0, 1, 2]]
    assert sorted(trace.values("all", "out")[0]) == ["a", "b", "c"]


@pytest.mark.parametrize("seed", range(20))
def test_streams_of_one_run_stay_together_when_runs_overlap(seed):
    spec = graph("rows:each -> a; rows.key -> a; s -> rows.items; t -> rows.items", s={"x": "ab"}, t={"x": "cde"})
    trace = play(spec, seed=seed)
    assert sorted(trace.values("a", "out")) == [["a", 0], ["b", 1], ["c", 0], ["d", 1], ["e", 2]]


def test_an_item_that_only_one_stream_has_does_not_block_the_other():
    spec = graph(
        "outer:each -> inner:each -> c1:collect -> all:collect; outer.key -> k -> inner2:each -> c2:collect -> all2:collect"
    )
    outer = yields(("item", [1]), ("item", [2]), ("key", 0), ("item", [3]))
    trace = play(spec, behaviours={"outer": outer, "k": yields(("out", [5]))})
    assert trace.values("all", "out") == [[[1], [2], [3]]]
    assert trace.values("all2", "out") == [[[5]]]


# Items at once


def working(trace: Trace, *nodes: str) -> int:
    """The largest number of items that these nodes worked on at one time."""
    spans: dict[int, list[float]] = {}
    for (node, path, _), row in trace.rows.items():
        if node in nodes:
            spans.setdefault(path[0], []).extend([row.started, row.ended])
    return max(sum(min(s) <= at < max(s) for s in spans.values()) for at in chain(*spans.values()))


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_a_loop_works_on_as_many_items_at_once_as_it_is_told(at_once):
    engine = scheduler("rows:each -> a -> b -> all:collect", rows={"at_once": at_once})
    (rows,) = started(engine.start())
    assert sum(len(started(engine.emit(rows, "item", number))) for number in range(20)) == at_once


@pytest.mark.parametrize("seed", range(10))
def test_no_more_items_are_worked_on_at_once_than_told(seed):
    spec = graph("rows:each -> a -> b -> all:collect", rows={"items": list(range(20)), "at_once": 2})
    trace = play(spec, seed=seed)
    assert working(trace, "a", "b") == 2
    assert trace.values("all", "out") == [list(range(20))]


def test_two_throttled_loops_that_wait_for_each_other_come_to_an_end():
    spec = graph(
        "p:each -> a -> cp:collect; r:each -> b -> cr:collect; cp -> inr.y; r -> inr; cr -> inp.y; p -> inp",
        p={"items": [1, 2, 3], "at_once": 1},
        r={"items": [4, 5, 6], "at_once": 1},
    )
    trace = play(spec)
    assert trace.paths("inp") == trace.paths("inr") == [(0,), (1,), (2,)]


def test_the_next_item_starts_when_an_earlier_one_is_quiet():
    engine = scheduler("rows:each -> a -> b", rows={"at_once": 1})
    (rows,) = started(engine.start())
    (a,) = started(engine.emit(rows, "item", 0))
    assert not started(engine.emit(rows, "item", 1))
    assert not started(engine.complete(rows))
    (b,) = started(engine.emit(a, "out", 0))
    assert not started(engine.complete(a))
    assert [run.path for run in started(engine.complete(b))] == [(1,)]


def test_the_number_of_items_at_once_can_come_over_a_link():
    spec = graph("rows:each -> a; s -> rows.at_once", rows={"items": [1, 2, 3]}, s={"x": "2"})
    assert working(play(spec), "a") == 2


def test_nested_loops_that_work_on_one_item_at_once():
    spec = graph(
        "outer:each -> inner:each -> a -> some:collect -> all:collect; outer.key -> a; outer.count -> a",
        outer={"items": [[1, 2], [3]], "at_once": 1},
        inner={"at_once": 1},
    )
    trace = play(spec)
    assert trace.values("all", "out") == [[[[1, 0, 2], [2, 0, 2]], [[3, 1, 2]]]]
    starts = [row.started for key, row in sorted(trace.rows.items()) if key[0] == "a"]
    assert starts == sorted(starts)


def test_a_node_that_waits_for_all_items_does_not_hold_up_the_next_one():
    spec = graph("rows:each -> all:collect; rows -> all.x", rows={"items": [1, 2, 3], "at_once": 1})
    assert play(spec).values("all", "out") == [[1, 2, 3]] * 3


# Gather


@pytest.mark.parametrize("seed", range(10))
def test_a_gather_takes_what_arrived_by_link(seed):
    spec = graph("a -> all:gather; b.other -> all; c -> all", a={"x": 1}, b={"x": 2}, c={"x": 3})
    trace = play(spec, seed=seed)
    assert trace.values("all", "out") == [[1, 3]]


def test_a_gather_tells_the_numbers_of_its_links():
    engine = scheduler("a -> all:gather; b -> all")
    a, b = started(engine.start())
    engine.complete(a)
    engine.emit(b, "out", 5)
    (run,) = started(engine.complete(b))
    assert run.indices == {"values": (1,)}


def test_a_gather_of_nothing_is_skipped():
    trace = play(graph("a.other -> all:gather; b.other -> all"))
    assert set(trace.skipped) == {"all"}


def test_a_gather_inside_a_loop_runs_for_each_item_where_something_arrived():
    some = lambda run, input: [] if run.path == (1,) else [("out", input["x"])]
    both = lambda run, input: [("out", -input["x"])] if run.path == (0,) else []
    spec = graph("rows:each -> a -> g:gather; rows -> b -> g", rows={"items": [1, 2, 3]})
    trace = play(spec, behaviours={"a": some, "b": both})
    assert trace.paths("g") == [(0,), (2,)]
    assert trace.values("g", "out") == [[1, -1], [3]]


def test_a_gather_directly_after_a_stream():
    spec = graph("rows:each -> g:gather; rows.key -> g", rows={"items": "ab"})
    assert play(spec).values("g", "out") == [["a", 0], ["b", 1]]


# Cycles


def countdown(run, input):
    yield ("out", input["x"] - 1) if input["x"] else ("other", "done")


def test_a_cycle_runs_until_it_is_left():
    spec = graph("s -> a.x; a -> b -> a.x; a.other -> c", s={"x": 3})
    trace = play(spec, behaviours={"a": countdown})
    assert [ordinal for name, _, ordinal in trace.rows if name == "a"] == [0, 1, 2, 3]
    assert trace.values("c", "out") == ["done"]


def test_a_port_fed_from_outside_the_cycle_keeps_its_value():
    def lap(run, input):
        yield ("out", input["x"] - 1) if input["x"] else ("other", input["y"])

    spec = graph("s -> a.x; a -> b -> a.x; k -> a.y; a.other -> c", s={"x": 3}, k={"x": "kept"})
    assert play(spec, behaviours={"a": lap}).values("c", "out") == ["kept"]


def test_a_node_on_its_own_link_is_a_cycle():
    trace = play(graph("s -> a.x; a -> a.x; a.other -> c", s={"x": 2}), behaviours={"a": countdown})
    assert trace.values("c", "out") == ["done"]


def test_a_cycle_inside_a_loop_is_collected():
    spec = graph("rows:each -> a.x; a -> a.x; a.other -> all:collect", rows={"items": [2, 0, 1]})
    trace = play(spec, behaviours={"a": countdown})
    assert trace.values("all", "out") == [["done", "done", "done"]]


def test_nodes_after_a_cycle_that_nobody_left_are_skipped():
    spec = graph("s -> a.x; a -> b -> a.x; a.other -> c")
    trace = play(spec, behaviours={"a": yields()})
    assert set(trace.skipped) == {"b", "c"}


def test_too_many_laps_fail_the_execution():
    spec = graph("s -> a.x; a -> a.x", s={"x": 1}, limits=Limits(laps=10))
    trace = play(spec)
    assert (trace.status, trace.reason) == (Status.FAILED, Reason.LIMIT)
    assert trace.error is not None
    assert trace.error["limit"] == "laps"
    assert sum(name == "a" for name, _, _ in trace.rows) == 10


def test_laps_are_counted_by_path():
    spec = graph("rows:each -> a.x; a -> a.x; a.other -> c", rows={"items": [8] * 5}, limits=Limits(laps=10))
    assert play(spec, behaviours={"a": countdown}).status is Status.COMPLETED


def test_too_many_node_executions_fail_the_execution():
    spec = graph("rows:each -> a", rows={"items": [0] * 50}, limits=Limits(node_executions=20))
    trace = play(spec)
    assert (trace.status, trace.reason) == (Status.FAILED, Reason.LIMIT)
    assert len(trace.rows) <= 20


# Failing


def test_an_unhandled_failure_stops_the_execution():
    engine = scheduler("a -> c; b -> d")
    a, b = started(engine.start())
    assert engine.fail(a, {"message": "no"}) == [Stop(b)]
    (finish,) = engine.stopped(b)
    assert isinstance(finish, Finish)
    assert (finish.status, finish.reason) == (Status.FAILED, Reason.NODE)
    assert finish.error == {"message": "no", "node": "a", "path": []}


def test_after_a_failure_nothing_starts():
    engine = scheduler("a -> c; b -> d")
    a, b = started(engine.start())
    engine.fail(a, {"message": "no"})
    assert engine.emit(b, "out", 1) == []
    (finish,) = engine.complete(b)
    assert isinstance(finish, Finish)


def test_after_a_failure_nothing_is_skipped():
    trace = play(graph("a -> b"), behaviours={"a": fails()})
    assert not trace.skipped


def test_a_linked_error_port_handles_the_failure():
    trace = play(graph("a -> b; a.error.message -> c"), behaviours={"a": fails("broken")})
    assert trace.status is Status.COMPLETED
    assert trace.values("c", "out") == ["broken"]
    assert set(trace.skipped) == {"b"}
    assert trace.rows["a", (), 0].handled


@pytest.mark.parametrize("policy", ["stop", "continue"])
def test_what_cannot_be_paid_ends_the_execution_whatever_is_linked(policy: str):
    engine = scheduler("a -> b; a.error.message -> c; d -> e", a={"on_error": policy})
    unpaid, other = started(engine.start())
    assert list(engine.fail(unpaid, {"message": "no money", "kind": "budget"})) == [Stop(other)]
    (finish,) = engine.stopped(other)
    assert isinstance(finish, Finish)
    assert (finish.status, finish.reason) == (Status.FAILED, Reason.BUDGET)
    assert finish.error == {"message": "no money", "kind": "budget", "node": "a", "path": []}
    assert not engine.counts.handled


def test_values_yielded_before_a_failure_stay_valid():
    trace = play(graph("a -> b; a.error -> c"), behaviours={"a": fails("no", ("out", 1))})
    assert trace.paths("b") == [()]


def test_with_continue_independent_branches_go_on():
    spec = graph("a -> c; b -> d", a={"on_error": "continue"})
    trace = play(spec, behaviours={"a": fails()})
    assert (trace.status, trace.reason) == (Status.FAILED, Reason.NODE)
    assert trace.paths("d") == [()]
    assert set(trace.skipped) == {"c"}
    assert trace.error is not None
    assert trace.error["failed"] == 1


def test_with_continue_a_collect_gets_the_items_that_did_not_fail():
    def odd(run, input):
        if input["x"] == 2:
            raise BlockError("even")
        yield "out", input["x"]

    spec = graph("rows:each -> a -> all:collect", rows={"items": [1, 2, 3]}, a={"on_error": "continue"})
    trace = play(spec, behaviours={"a": odd})
    assert trace.values("all", "out") == [[1, 3]]
    assert trace.status is Status.FAILED


def test_a_retry_goes_on_after_the_items_that_are_recorded():
    calls = []

    def flaky(run, input):
        calls.append(1)
        yield "item", 1
        yield "item", 2
        if len(calls) == 1:
            raise BlockError("again")
        yield "item", 3

    spec = graph("rows:each -> all:collect", rows={"retries": 1})
    assert play(spec, behaviours={"rows": flaky}).values("all", "out") == [[1, 2, 3]]


# Cancelling


def test_a_cancel_stops_what_runs_and_ends_when_all_have_stopped():
    engine = scheduler("a -> c; b -> d")
    a, b = started(engine.start())
    assert engine.cancel() == [Stop(a), Stop(b)]
    assert engine.stopped(a) == []
    (finish,) = engine.stopped(b)
    assert isinstance(finish, Finish)
    assert finish.status is Status.CANCELLED


def test_a_cancel_when_nothing_runs_any_more_changes_nothing():
    engine = scheduler("a")
    (a,) = started(engine.start())
    engine.complete(a)
    assert engine.cancel() == []


def test_runs_held_back_are_cancelled_too():
    engine = scheduler("a; b; c", concurrency=1)
    (a,) = started(engine.start())
    engine.cancel()
    engine.stopped(a)
    assert (engine.counts.cancelled, engine.counts.queued) == (3, 0)
    assert [run.node for run in engine.queued()] == ["b", "c"]


# Concurrency


def test_ready_runs_start_first_in_first_out():
    engine = scheduler("a; b; c", concurrency=1)
    order = started(engine.start())
    while order[-1:] and (more := started(engine.complete(order[-1]))):
        order += more
    assert [run.node for run in order] == ["a", "b", "c"]


def test_a_node_keeps_to_its_own_limit():
    engine = scheduler("rows:each -> a", a={"concurrency": 2})
    (rows,) = started(engine.start())
    runs = list(chain.from_iterable(started(engine.emit(rows, "item", number)) for number in range(5)))
    assert [run.path for run in runs] == [(0,), (1,)]
    (third,) = started(engine.complete(runs[1]))
    assert third.path == (2,)


def test_a_nodes_limit_does_not_hold_back_others():
    engine = scheduler("rows:each -> a; rows -> b", a={"concurrency": 1})
    (rows,) = started(engine.start())
    engine.emit(rows, "item", 0)
    assert [run.node for run in started(engine.emit(rows, "item", 1))] == ["b"]


def test_held_back_runs_are_told_once():
    engine = scheduler("a; b; c", concurrency=1)
    (a,) = started(engine.start())
    assert [run.node for run in engine.newly_queued()] == ["b", "c"]
    assert engine.newly_queued() == ()
    engine.complete(a)
    assert engine.newly_queued() == ()
    assert [run.node for run in engine.queued()] == ["c"]


def test_counts_follow_every_run():
    engine = scheduler("a -> b; a.other -> c; d", concurrency=1)
    (a,) = started(engine.start())
    assert (engine.counts.running, engine.counts.queued) == (1, 1)
    engine.emit(a, "out", 1)
    (d,) = started(engine.complete(a))
    (b,) = started(engine.complete(d))
    engine.fail(b, {"message": "no"})
    counts = engine.counts
    assert (counts.completed, counts.failed, counts.skipped, counts.running, counts.queued) == (2, 1, 1, 0, 0)


# Outputs


def test_an_empty_graph_is_over_at_once():
    (finish,) = Scheduler(compile_plan(GraphSpec(), BLOCKS)).start()
    assert finish == Finish(Status.COMPLETED, outputs={})


def test_outputs_are_what_the_output_nodes_gave():
    assert play(graph("i:input -> total:output"), {"i": 5}).outputs == {"total": 5}


@pytest.mark.parametrize("seed", range(5))
def test_an_output_in_loops_is_a_flat_list_in_path_order(seed):
    items = [[number] * 3 for number in range(12)]
    spec = graph("outer:each -> inner:each -> a -> o:output", outer={"items": items})
    assert play(spec, seed=seed).outputs == {"o": [number for number in range(12) for _ in range(3)]}


def test_an_output_in_an_empty_loop_is_an_empty_list():
    assert play(graph("rows:each -> o:output", rows={"items": []})).outputs == {"o": []}


def test_an_output_that_never_ran_is_absent():
    assert play(graph("a.other -> o:output; b.other -> rows:each -> p:output")).outputs == {}


@pytest.mark.parametrize("seed", range(10))
def test_an_output_fed_twice_outside_loops_is_the_last_by_link(seed):
    spec = graph("a -> o:output; b -> o", a={"x": "a"}, b={"x": "b"})
    assert play(spec, seed=seed).outputs == {"o": "b"}


def test_a_stopped_execution_has_no_outputs():
    trace = play(graph("a -> o:output; o -> b"), behaviours={"b": fails()})
    assert trace.outputs == {}


def test_an_aborted_execution_fails_with_the_reason_given():
    engine = scheduler("a -> b")
    (a,) = started(engine.start())
    assert engine.abort(Reason.TIMEOUT, {"message": "too slow"}) == [Stop(a)]
    assert engine.stopped(a) == [Finish(Status.FAILED, Reason.TIMEOUT, {"message": "too slow"})]


def test_stream_may_not_give_more_items_than_the_graph_allows():
    engine = Scheduler(compile_plan(graph("e:each -> a", limits=Limits(items=2)), BLOCKS))
    each = next(command.run for command in engine.start() if isinstance(command, Start))
    engine.emit(each, "item", 1)
    engine.emit(each, "item", 2)
    engine.emit(each, "key", 0)
    with pytest.raises(PortError, match="More than 2 items for “item”"):
        engine.emit(each, "item", 3)
    assert engine.counts.queued + engine.counts.running == 3
