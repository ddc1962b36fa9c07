"""Lines of every kind: standard calls and structlog's, as JSON and as text."""

import asyncio
import logging
from contextvars import copy_context
from uuid import UUID, uuid4

import pytest
import structlog
from django.core.exceptions import ImproperlyConfigured

from agentflow import env
from agentflow.logs import context
from agentflow.logs.context import Subject, name_process, work_on
from agentflow.logs.setup import formatter
from agentflow.processes.up import environment
from tests.logs.conftest import Lines

logger = logging.getLogger("some.place")
EXECUTION = UUID("01a22e6e-f273-71ef-b729-43df52afd73e")


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    return logger.makeRecord("some.place", logging.WARNING, __file__, 1, message, args, None, extra=extra)


def test_standard_call_becomes_json_with_its_extra(lines: Lines) -> None:
    logger.warning("database away: %s", "no route", extra={"action": "store_retry", "execution": str(EXECUTION)})
    (line,) = lines()
    assert list(line)[:4] == ["time", "level", "logger", "event"]
    assert line["time"].endswith("Z")
    del line["time"]
    assert line == {
        "level": "warning",
        "logger": "some.place",
        "event": "database away: no route",
        "action": "store_retry",
        "execution": str(EXECUTION),
    }


def test_structlog_call_becomes_the_same(lines: Lines) -> None:
    structlog.get_logger("some.place").warning("full", places=3)
    (line,) = lines()
    assert {"level": "warning", "logger": "some.place", "event": "full", "places": 3}.items() <= line.items()


def test_exception_is_one_line(lines: Lines) -> None:
    try:
        raise ValueError("for postgres://me:hunter2@db/x")
    except ValueError:
        logger.exception("failed")
    (line,) = lines()
    assert "in test_exception_is_one_line" in line["exception"]
    assert line["exception"].endswith("ValueError: for postgres://me:[hidden]@db/x")


@pytest.mark.parametrize("value", ["half \ud800", 2**80, {1: uuid4()}, object(), b"x", "\0", float("nan")])
def test_anything_can_be_written(lines: Lines, value: object) -> None:
    logger.warning("odd", extra={"value": value})
    assert len(lines(event="odd")) == 1


def test_text_is_for_people() -> None:
    text = formatter("text").format(record("worker lost", action="worker_lost", attempt=2))
    assert "[warning  ] worker lost" in text
    assert "[some.place]" in text
    assert "action=worker_lost attempt=2" in text
    assert "\033" not in text


@pytest.mark.parametrize(("is_terminal", "kind"), [(True, "text"), (False, "json")])
def test_auto_is_text_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, is_terminal: bool, kind: str) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    text = formatter("auto").format(record("hello"))
    assert text.startswith("{") == (kind == "json")
    assert ("\033" in text) == is_terminal


def test_unknown_format_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTFLOW_LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match="AGENTFLOW_LOG_FORMAT must be one of auto, text, json"):
        env.choice("AGENTFLOW_LOG_FORMAT", "auto", "text", "json")


def test_log_files_of_make_up_are_text_unless_told_otherwise() -> None:
    assert environment({}, "127.0.0.1")["AGENTFLOW_LOG_FORMAT"] == "text"
    assert environment({"AGENTFLOW_LOG_FORMAT": "json"}, "127.0.0.1")["AGENTFLOW_LOG_FORMAT"] == "json"


def test_line_says_what_the_task_is_about(lines: Lines) -> None:
    async def task(node: str) -> None:
        work_on(Subject(EXECUTION, 3, 7), node)
        await asyncio.sleep(0)
        logger.warning("at %s", node)

    async def both() -> None:
        await asyncio.gather(task("a"), task("b"))
        logger.warning("after")

    copy_context().run(asyncio.run, both())
    about = {"execution": str(EXECUTION), "graph": 3, "user": 7}
    assert [len(lines(event=f"at {node}", node=node, **about)) for node in "ab"] == [1, 1]
    assert not {"execution", "graph", "user", "node"} & lines(event="after")[0].keys()


def test_what_a_line_says_itself_stays(lines: Lines) -> None:
    def task() -> None:
        work_on(Subject(EXECUTION, 3), "a")
        logger.warning("other", extra={"execution": "another", "node": "b"})

    copy_context().run(task)
    assert lines(execution="another", node="b", graph=3)


def test_process_is_named_in_every_line(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_process", {})
    name_process(worker="host-7")
    logger.warning("here")
    assert lines(event="here", worker="host-7")
