"""How the admin shows statuses, durations, JSON and links."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agentflow.templatetags.pages import run_time
from executions.engine.status import Status
from executions.tally import tally
from executions.waited import open_wait

#: A sign beside the word: colour is never the only difference.
SIGNS: Mapping[str, str] = {
    "handled": "!",
    Status.QUEUED: "○",
    Status.RUNNING: "◐",
    Status.WAITING: "◔",
    Status.COMPLETED: "✓",
    Status.FAILED: "✕",
    Status.CANCELLED: "⊘",
    Status.SKIPPED: "–",
}
#: What a node execution waits for.
WAITS = {
    "timer": "for its time",
    "retry": "for the next attempt",
    "approval": "for a decision",
    "outcome": "did it happen?",
    "graph": "for another graph",
}
#: Characters of a JSON text that are shown.
MOST_CHARACTERS = 10_000


def badge(status: str, note: str = "") -> SafeString:
    """A status as sign and word."""
    word = f"{Status(status).value.capitalize()}{f', {note}' if note else ''}"
    return format_html('<span class="run-status run-{}">{} {}</span>', status, SIGNS[Status(status)], word)


def badge_of(run: Any) -> SafeString:
    """An execution's status, and how many of its nodes failed, wait or were skipped."""
    counts = ((count.name, count.meaning, SIGNS[count.name], count.text) for count in tally(run.counts))
    chips = format_html_join("", ' <span class="run-count run-{}" title="{}">{} {}</span>', counts)
    return badge(run.status) + chips


def note_of(row: Any) -> str:
    """What else is to be said of a node execution's status."""
    if row.status == Status.WAITING:
        wait = open_wait(row.waits)
        return WAITS[wait["for"]] if wait else ""
    if row.pinned or row.reused:
        return "pinned" if row.pinned else "reused"
    return "handled" if row.status == Status.FAILED and row.error and row.error.get("handled") else ""


def short_time(moment: datetime) -> SafeString:
    """Day and time on one line."""
    return format_html('<span class="run-id">{}</span>', f"{timezone.localtime(moment):%d %b %H:%M:%S}")


def local_time(moment: str) -> SafeString:
    """An ISO time as UTC; a script shows it in the reader's time zone."""
    at = datetime.fromisoformat(moment).astimezone(UTC)
    return format_html('<time datetime="{}" data-local>{} UTC</time>', at.isoformat(), f"{at:%d %b %H:%M:%S}")


def duration(row: Any) -> str:
    """How long an execution or a node took, or has taken so far."""
    return run_time(row)


def json_text(text: str | None) -> SafeString | str:
    """JSON as it is stored; a long one is cut and says so."""
    if text is None or text == "null":
        return "–"
    more = "…" if len(text) > MOST_CHARACTERS else ""
    return format_html('<pre class="run-json">{}{}</pre>', text[:MOST_CHARACTERS], more)


def link(name: str, args: Sequence[Any], text: Any) -> SafeString:
    """A link to one of our addresses."""
    return format_html('<a href="{}">{}</a>', reverse(name, args=args), text)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> SafeString | str:
    """A small table."""
    if not rows:
        return "–"
    cells = [(format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows]
    return format_html(
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>",
        format_html_join("", "<th>{}</th>", ((head,) for head in heads)),
        format_html_join("", "<tr>{}</tr>", cells),
    )
