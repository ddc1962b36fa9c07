"""`manage.py simulate`: exit codes, traces and problems; none of it needs a database."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agentflow.graphs.spec import to_json
from tests.engine.cases.reading import drawn

DOUBLE = """
    numbers: io.input {type: list}
    each: logic.for_each
    double: math.calculate {b: 2, operation: multiply}
    doubled: io.output
    numbers.value -> each.items
    each.item -> double.a
    double.result -> doubled.value
"""
ASK = """
    each: logic.for_each {items: [10, 20]}
    ask: logic.approve
    result: io.output
    each.item -> ask.payload
    ask.approved -> result.value
"""

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The output of the command for a drawn graph, or for other text in its file."""

    def run(graph: str, *options: str, text: str = "") -> str:
        file = tmp_path / "graph.json"
        file.write_text(text or json.dumps(to_json(drawn(graph, name="Graph"))))
        out = io.StringIO()
        call_command("simulate", str(file), *options, stdout=out)
        return out.getvalue()

    return run


def refused(run: Run, *args: str, **more: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*args, **more)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_trace_shows_every_node_execution_and_the_outputs(run: Run) -> None:
    lines = run(DOUBLE, "--inputs", '{"numbers": [1, 2]}').splitlines()
    assert lines[0].split() == ["time", "node", "status", "gave"]
    assert any("double [1]  " in line and "result: 4" in line for line in lines)
    assert lines[-2:] == ["completed: 6 completed", "doubled = [2, 4]"]


def test_skipped_nodes_say_why(run: Run) -> None:
    assert "skipped    “a” stayed empty" in run(DOUBLE, "--inputs", '{"numbers": []}')


def test_another_seed_is_another_order_with_the_same_outputs(run: Run) -> None:
    traces = {run(DOUBLE, "--inputs", '{"numbers": [1, 2, 3]}', "--seed", str(seed)) for seed in range(3)}
    assert len(traces) == 3
    assert {trace.splitlines()[-1] for trace in traces} == {"doubled = [2, 4, 6]"}


def test_json_holds_the_whole_trace(run: Run) -> None:
    found: dict[str, Any] = json.loads(run(DOUBLE, "--inputs", '{"numbers": [1]}', "--json"))
    assert (found["status"], found["outputs"]) == ("completed", {"doubled": [2]})
    assert {(row["node"], *row["path"]) for row in found["nodes"]} == {
        ("numbers",),
        ("each",),
        ("double", 0),
        ("doubled", 0),
    }


def test_long_values_are_cut(run: Run) -> None:
    lines = run("a: core.value {value: " + "x" * 500 + "}").splitlines()
    assert max(map(len, lines)) < 120


def test_failed_run_is_exit_code_1_and_names_the_node(run: Run) -> None:
    with pytest.raises(CommandError, match=r"The run failed: divide: Cannot divide 1 by zero") as caught:
        run("divide: math.calculate {a: 1, b: 0, operation: divide}")
    assert caught.value.returncode == 1


def test_problems_of_the_graph_are_all_told_with_their_pointers(run: Run) -> None:
    said = refused(run, "a: core.nothing\nb: core.value {value: 1}\nb.result -> b.trigger")
    assert "#/nodes/0/block: The block “core.nothing”" in said
    assert "#/links/0/source_port: b has no output “result”" in said


def test_problems_of_the_json_are_all_told_with_their_pointers(run: Run) -> None:
    said = refused(run, "", text='{"nodes": [{"key": 5}], "colour": 1}')
    assert {line.split(": ")[0] for line in said.splitlines()} >= {"#/nodes/0/key", "#/colour"}


def test_inputs_that_do_not_fit_are_named(run: Run) -> None:
    said = refused(run, "n: io.input {type: integer}", "--inputs", '{"n": "many", "typo": 1}')
    assert [line.split(": ")[0] for line in said.splitlines()] == ["#/inputs/typo", "#/inputs/n"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--inputs", "[1"], "--inputs: not JSON"),
        (["--inputs", "[1]"], "--inputs: must be an object"),
        (["--decisions", '{"nobody": {"decision": "approved"}}'], "“nobody” is no node that asks; these do: ask."),
        (["--decisions", '{"ask": {"decision": "maybe"}}'], '"decision" must be'),
    ],
)
def test_wrong_options_are_named(run: Run, options: list[str], said: str) -> None:
    assert said in refused(run, ASK, *options)


def test_file_that_is_missing_or_no_json_is_named(run: Run) -> None:
    assert "not JSON" in refused(run, "", text="{")
    with pytest.raises(CommandError, match=r"nowhere\.json: No such file"):
        call_command("simulate", "nowhere.json")


def test_graph_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"nodes": [], "links": []}'))
    out = io.StringIO()
    call_command("simulate", "-", stdout=out)
    assert "completed: nothing ran" in out.getvalue()


def test_decisions_are_made_by_node_and_path(run: Run) -> None:
    decisions = {"ask": {"decision": "rejected"}, "ask [1]": {"decision": "approved", "payload": 21}}
    assert "result = [21]" in run(ASK, "--decisions", json.dumps(decisions))


def test_question_without_a_decision_says_how_to_decide(run: Run) -> None:
    with pytest.raises(CommandError, match=r'The run waits: ask \[\d\]: .*"ask \[\d\]": {"decision"') as caught:
        run(ASK)
    assert caught.value.returncode == 1


def test_block_that_needs_the_network_says_so(run: Run) -> None:
    with pytest.raises(CommandError, match="page: This step needs the network"):
        run("page: web.request {url: 'https://example.org'}")


def test_files_that_come_with_the_product_can_be_read(run: Run) -> None:
    assert "count = 312" in run("""
        read: data.csv {file: examples/sales.csv}
        number: list.length
        count: io.output
        read.rows -> number.items
        number.length -> count.value
    """)


def test_other_graphs_are_files_too(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(to_json(drawn(DOUBLE, name="Other"))))
    graph = """
        double: graph.run {graph: 7, numbers: [4]}
        result: io.output
        double.doubled -> result.value
    """
    assert "result = [8]" in run(graph, "--graph", f"7={other}")
    with pytest.raises(CommandError, match="There is no graph 7"):
        run(graph)
    assert "--graph: must be NUMBER=FILE" in refused(run, graph, "--graph", "other.json")


def test_person_may_be_asked_in_another_graph(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(to_json(drawn(ASK, name="Other"))))
    graph = """
        orders: graph.run {graph: 7}
        result: io.output
        orders.result -> result.value
    """
    decided = ["--decisions", '{"ask": {"decision": "approved"}}', "--graph", f"7={other}"]
    assert "result = [10, 20]" in run(graph, *decided)
    with pytest.raises(CommandError, match=r"The run waits: orders: ask \[\d\]: nobody has decided"):
        run(graph, *decided[2:])


def test_delays_take_no_time(run: Run) -> None:
    drawn = "wait: core.delay {seconds: 86400, value: 5}\nresult: io.output\nwait.value -> result.value"
    assert "result = 5" in run(drawn)
