"""How lines are made: structlog and the standard library's loggers alike, as text for people or as JSON for machines."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from agentflow.logs.context import add_context
from agentflow.logs.redaction import redact

FORMATS = ("auto", "text", "json")
#: Attributes that every record has, and objects that others put there for handlers of their own.
RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "request",
    "server_time",
    "color_message",
}
#: In front of a JSON line, in this order.
FIRST = ("time", "level", "logger", "event")


def configuration(*, level: str, kind: str) -> dict[str, Any]:
    """`LOGGING` for Django; also tells structlog to write where the standard library does."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    ours: dict[str, Any] = {"handlers": [], "propagate": True}
    loggers = {name: ours for name in ("django", "django.server", "uvicorn", "uvicorn.error")}
    # Without handlers it was told to keep no access log; as a child of a logger named here it would begin one.
    has_access_log = bool(logging.getLogger("uvicorn.access").handlers)
    loggers["uvicorn.access"] = {"handlers": [], "propagate": has_access_log}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "agentflow.logs.setup.formatter", "kind": kind}},
        "filters": {"mistakes": {"()": "agentflow.logs.mistakes.ClientMistakes"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["mistakes"]}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {**loggers, "rq": {"level": "WARNING"}, "httpx": {"level": "WARNING"}, "axes": {"level": "WARNING"}},
    }


def formatter(kind: str = "auto") -> ProcessorFormatter:
    """Lines as `text`, `json`, or `auto`: text on a terminal."""
    is_terminal = sys.stderr.isatty()
    is_text = kind == "text" or kind == "auto" and is_terminal
    first: list[Processor] = [_describe, add_context]
    last: list[Processor] = [ProcessorFormatter.remove_processors_meta]
    if is_text:
        plain = structlog.dev.plain_traceback
        render = structlog.dev.ConsoleRenderer(colors=is_terminal, timestamp_key="time", exception_formatter=plain)
        last += [structlog.processors.format_exc_info, redact, render]
    else:
        last += [structlog.processors.format_exc_info, redact, _as_json]
    return ProcessorFormatter(foreign_pre_chain=[_add_extra], processors=[*first, *last])


def _add_extra(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """What stands in `extra={…}` of a standard call, and the context of libraries that bind one."""
    for name, value in vars(line["_record"]).items():
        if name not in RECORD_FIELDS:
            line[name] = value
    return structlog.contextvars.merge_contextvars(None, "", line)


def _describe(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """When, how grave, from where."""
    record: logging.LogRecord = line["_record"]
    moment = datetime.fromtimestamp(record.created, UTC)
    line["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line["level"] = record.levelname.lower()
    line["logger"] = record.name
    return line


def _as_json(_logger: Any, _method: str, line: EventDict) -> str:
    ordered = {name: line.pop(name) for name in FIRST if name in line} | dict(line)
    try:
        return orjson.dumps(ordered).decode()
    except TypeError:  # halves of surrogate pairs, numbers beyond 64 bits
        return json.dumps(ordered, default=str)
