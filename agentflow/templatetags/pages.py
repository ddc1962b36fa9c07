"""How pages show durations, ages, people and statuses."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agentflow.pages.questions import MOST_COUNTED, count_open
from executions import fleet
from executions.engine.status import Status
from executions.origin import trigger_of
from executions.stuck import stuck
from executions.tally import tally
from executions.tickets import NODES

register = template.Library()

STATUS_WORDS: Mapping[str, str] = {status.value: status.value.capitalize() for status in Status}
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@register.filter
def seconds(value: float | None) -> str:
    """A duration as people read it: 41 ms, 1.24 s, 2 min 5 s, 3 h 2 min."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 10:
        return f"{value:.2f} s"
    if value < MINUTE:
        return f"{value:.1f} s"
    if value < HOUR:
        return f"{int(value // MINUTE)} min {int(value % MINUTE)} s"
    return f"{int(value // HOUR)} h {int(value % HOUR // MINUTE)} min"


@register.filter
def run_time(execution: Any) -> str:
    """How long a run took, or has taken so far."""
    if execution.started_at is None:
        return "–"
    return seconds(((execution.ended_at or timezone.now()) - execution.started_at).total_seconds())


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """“3 min ago” with the exact time as a tooltip; older than a week: the date."""
    if moment is None:
        return "never"
    age = timezone.now() - moment
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        _exactly(moment),
        _age(age, timezone.localtime(moment)),
    )


def _age(age: timedelta, moment: datetime) -> str:
    total = age.total_seconds()
    if total < 5:
        return "just now"
    for limit, unit, word in ((MINUTE, 1, "s"), (HOUR, MINUTE, "min"), (DAY, HOUR, "h"), (7 * DAY, DAY, "d")):
        if total < limit:
            return f"{int(total // unit)} {word} ago"
    return f"{moment:%d %b %Y}"


@register.filter
def ahead(moment: datetime) -> SafeString:
    """“in 3 min” with the exact time as a tooltip; further off than a day: the date."""
    left = max((moment - timezone.now()).total_seconds(), 0)
    word = (
        f"in {seconds(round(left)) if left >= MINUTE else f'{left:.0f} s'}"
        if left < DAY
        else f"{timezone.localtime(moment):%d %b %Y %H:%M %Z}"
    )
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), _exactly(moment), word)


def _exactly(moment: datetime) -> str:
    """In the reader's time zone, which is named."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z}"


#: What a browser says of itself, from the special to the general: many name others, too.
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari", "curl": "curl"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


@register.filter
def browser(agent: str) -> str:
    """“Firefox on Linux”, as far as the browser says so."""
    name = next((word for mark, word in BROWSERS.items() if f"{mark}/" in agent), "")
    system = next((word for mark, word in SYSTEMS.items() if mark in agent), "")
    return " on ".join(filter(None, (name, system))) or "Unknown"


@register.filter
def clock(moment: datetime) -> str:
    """Day and time on the clocks of the moment's own zone: Tue 01 Dec 2026, 08:30."""
    return f"{moment:%a %d %b %Y, %H:%M}"


@register.filter
def percent(share: float | None) -> str:
    """97.2%; never rounds a failure away."""
    if share is None:
        return "–"
    return "100%" if share == 1 else f"{min(share * 100, 99.9):.1f}%"


@register.filter
def person(user: Any) -> str:
    """Full name, else the user name."""
    if user is None:
        return "somebody who has left"
    name: str = user.get_full_name() or user.get_username()
    return name


@register.filter
def initials(user: Any) -> str:
    """Two letters for an avatar."""
    words = person(user).replace(".", " ").replace("_", " ").split()
    return "".join(word[0] for word in words[:2]).upper() or "?"


@register.inclusion_tag("components/status.html")
def status(execution: Any) -> dict[str, Any]:
    """Icon and word of a run, and how many nodes failed, wait or were skipped."""
    word = STATUS_WORDS.get(execution.status, execution.status)
    return {"status": execution.status, "word": word, "tally": tally(execution.counts)}


@register.simple_tag
def started_by(execution: Any) -> SafeString | str:
    """What started a run: a word, with a link to the trigger if it was one."""
    found = trigger_of(execution.trigger, execution.idempotency_key)
    if found is None:
        return str(execution.trigger)
    return format_html('<a href="{}">{}</a>', reverse("trigger", args=found), execution.trigger)


@register.inclusion_tag("components/icon.html")
def icon(name: str) -> dict[str, str]:
    """One icon of the sprite in templates/components/sprite.html."""
    return {"name": name}


@register.simple_tag(takes_context=True)
def open_questions(context: Mapping[str, Any]) -> str:
    """How many questions wait for the user, for the navigation; nothing if none does."""
    number = count_open(context["request"].user)
    return f"{MOST_COUNTED}+" if number > MOST_COUNTED else str(number or "")


@register.inclusion_tag("components/missing.html", takes_context=True)
def missing_workers(context: Mapping[str, Any]) -> dict[str, Any]:
    """What waits because no worker is there for it, and what to do."""
    return {"queues": fleet.missing(), "user": context["request"].user, "perms": context.get("perms")}


@register.simple_tag
def operation() -> dict[str, Any]:
    """How many workers answer and how much is stuck, in words, for the administration's front page.

    A worker that has missed renewals does not answer, here as in `fleet.missing`, although its lease is not over yet.
    """
    workers = fleet.workers_by_queue()
    answering = {queue: found["live"] - found["silent"] for queue, found in workers.items()}
    silent = sum(found["silent"] for found in workers.values())
    nodes = answering.pop(NODES)
    hosting = sum(answering.values())
    many = sum(len(found.rows) for found in stuck().values())
    said = [
        f"{hosting or 'No'} hosting worker{'s' * (hosting != 1)}",
        f"{nodes or 'no'} nodes worker{'s' * (nodes != 1)}",
        *([f"{silent} silent"] if silent else []),
    ]
    words = f"{many} stuck" if many else "Nothing is stuck"
    return {"workers": ", ".join(said), "stuck": words, "is_good": bool(hosting) and not many}


@register.filter
def lookup(words: Mapping[Any, Any], name: Any) -> Any:
    """What stands for a name; the name if there is nothing."""
    return words.get(name, name)


@register.filter
def of(found: Mapping[Any, Any], key: Any) -> Any:
    """What a mapping has for a key, or None."""
    return found.get(key)


@register.simple_tag(takes_context=True)
def current(context: Mapping[str, Any], *names: str) -> str:
    """Marks the navigation entry of the page that is shown."""
    match = context["request"].resolver_match
    return SafeString('aria-current="page"') if match and match.url_name in names else ""
