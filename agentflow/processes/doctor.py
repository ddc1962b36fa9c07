"""What is wrong with an installation, and how each thing is mended: what `manage.py doctor` says."""

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import redis
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection
from django.db.models import Count, Min
from django.db.models.functions import Now

from agentflow.credentials.key_check import WRONG_KEYS, lost_keys
from agentflow.processes.migrations import is_migrated
from executions import fleet, stuck
from executions.engine.status import Status
from executions.models import Execution
from executions.tickets import NODES

#: Of the disk with the data: less is soon none.
LEAST_FREE_BYTES, LEAST_FREE_SHARE = 1_000_000_000, 0.05
#: Clocks that differ more make times in logs and on pages misleading; leases go by the database's clock alone.
MOST_SKEW_SECONDS = 2.0
#: A queue that is older than this has too few workers, or none.
MOST_QUEUED_SECONDS = 60.0
OLDEST_BACKUP_DAYS = 2
LEAST_POSTGRESQL, LEAST_REDIS = 15, (6, 2)
REDIS_SECONDS = 2.0


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(NamedTuple):
    """What one check found, and what to do about it; nothing to do when all is well."""

    check: str
    level: Level
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class _Says:
    """Makes the findings of one check."""

    check: str

    def ok(self, text: str) -> Finding:
        return Finding(self.check, Level.OK, text)

    def warning(self, text: str, fix: str) -> Finding:
        return Finding(self.check, Level.WARNING, text, fix)

    def error(self, text: str, fix: str) -> Finding:
        return Finding(self.check, Level.ERROR, text, fix)


def examine() -> list[Finding]:
    """Every check, in the order in which things are mended; what needs the database is left out without one."""
    found = [*_settings(_Says("settings")), *_data(_Says("data folder")), _disk(_Says("disk"))]
    database = _asked(_database, "database", "Start PostgreSQL, and see that DATABASE_URL names it.")
    found += [database, _asked(_redis, "redis", "Start Valkey or Redis, and see that REDIS_URL names it.")]
    if database.level is not Level.ERROR:
        found.append(_asked(_clock, "clock", "See that the database answers."))
        migrations = _asked(_migrations, "migrations", "Run: manage.py prepare --backup")
        found.append(migrations)
        if migrations.level is Level.OK:
            for name, check in (("keys", _keys), ("workers", _workers), ("queue", _queue), ("stuck runs", _stuck)):
                found.append(_asked(check, name, "See what the database's log says."))
    return [*found, _backups(_Says("backups"))]


def _asked(check: Callable[[_Says], Finding], name: str, fix: str) -> Finding:
    """What a check finds that asks a service; no answer is a finding, too."""
    try:
        return check(_Says(name))
    except (Error, redis.RedisError, OSError) as error:
        return _Says(name).error(f"No answer: {_first_line(error)}", fix)


def _settings(says: _Says) -> Iterator[Finding]:
    found = checks.run_checks(include_deployment_checks=settings.SECURE)
    serious = [message for message in found if message.level >= checks.WARNING and not message.is_silenced()]
    for message in serious:
        make = says.error if message.level >= checks.ERROR else says.warning
        yield make(f"{message.msg} ({message.id})", message.hint or "Change the setting that it names.")
    if settings.DEBUG:
        yield says.warning("DEBUG is on: errors show settings and code to everybody.", "Unset DEBUG.")
    elif not serious:
        yield says.ok("Nothing is wrong with them.")


def _data(says: _Says) -> Iterator[Finding]:
    folder = settings.DATA_DIR
    if not folder.is_dir():
        yield says.error(f"{folder} is not there.", "Make it, or name another one in AGENTFLOW_DATA.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield says.error(
            f"{folder} cannot be written by this user.", f"Give it to the user that runs it: chown {folder}"
        )
    open_ones = [path for path in (folder, *_secrets(folder)) if _is_open(path)]
    for path in open_ones:
        yield says.error(f"Others on this machine may read {path}.", f"Run: chmod go= {path}")
    if not open_ones:
        yield says.ok(f"{folder} is closed to others.")


def _secrets(folder: Path) -> list[Path]:
    names = ("secret-key", "credential-keys", "env", "backups")
    return [path for name in names if (path := folder / name).exists()]


def _is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _disk(says: _Says) -> Finding:
    folder = next(path for path in (settings.DATA_DIR, *settings.DATA_DIR.parents) if path.exists())
    usage = shutil.disk_usage(folder)
    text = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB are free for {settings.DATA_DIR}."
    if usage.free < LEAST_FREE_BYTES or usage.free < usage.total * LEAST_FREE_SHARE:
        fix = "Make room: delete old backups, keep fewer runs (AGENTFLOW_KEEP_DAYS), or take a larger disk."
        return says.warning(text, fix)
    return says.ok(text)


def _database(says: _Says) -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000, current_setting('fsync')")
        version, fsync = cursor.fetchone()
    if version < LEAST_POSTGRESQL:
        return says.error(f"PostgreSQL {version} is too old.", f"Upgrade it to {LEAST_POSTGRESQL} or newer.")
    if fsync != "on":
        return says.warning(f"PostgreSQL {version} runs without fsync: a crash loses results.", "Set fsync = on.")
    return says.ok(f"PostgreSQL {version} answers.")


def _redis(says: _Says) -> Finding:
    limits = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    with redis.Redis.from_url(settings.REDIS_URL, **limits) as client:
        told = client.info("server")
    name, version = ("Valkey", told["valkey_version"]) if "valkey_version" in told else ("Redis", told["redis_version"])
    if name == "Redis" and tuple(int(part) for part in version.split(".")[:2]) < LEAST_REDIS:
        return says.error(f"Redis {version} is too old.", "Upgrade it to 6.2 or newer, or take Valkey.")
    return says.ok(f"{name} {version} answers.")


def _clock(says: _Says) -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")  # so that only one round trip lies between the two clocks
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float")
        skew = float(cursor.fetchone()[0]) - (before + time.time()) / 2
    if abs(skew) > MOST_SKEW_SECONDS:
        text = f"The database's clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's."
        return says.warning(text, "Run a time service (NTP) on both machines.")
    return says.ok(f"It differs from the database's by {abs(skew):.2f} s.")


def _migrations(says: _Says) -> Finding:
    if is_migrated():
        return says.ok("All are applied.")
    return says.error("The database is older than this release.", "Run: manage.py prepare --backup")


def _keys(says: _Says) -> Finding:
    try:
        lost = lost_keys()
    except ImproperlyConfigured as error:
        return says.error(str(error), "Put the right keys into AGENTFLOW_CREDENTIAL_KEYS.")
    if lost:
        return says.error(f"{len(lost)} of the keys that credentials are encrypted with are missing.", WRONG_KEYS)
    return says.ok("Those of the credentials are there.")


def _workers(says: _Says) -> Finding:
    missing = fleet.missing()
    if missing:
        starts = " and ".join(f"manage.py rqworker{f' {NODES}' if queue == NODES else ''}" for queue in missing)
        return says.error(f"No worker serves: {', '.join(missing)}.", f"Start {starts}, or manage.py up.")
    silent = sum(queue["silent"] for queue in fleet.workers_by_queue().values())
    if silent:
        return says.warning(f"{silent} have missed renewals of their lease.", "Look at their logs and their load.")
    return says.ok(f"{fleet.live().count()} live.")


def _queue(says: _Says) -> Finding:
    queued = Execution.objects.filter(status=Status.QUEUED).order_by()
    found = queued.aggregate(depth=Count("pk"), waits=Now() - Min("queued_at"))
    depth, seconds = found["depth"], found["waits"].total_seconds() if found["waits"] else 0.0
    if seconds > MOST_QUEUED_SECONDS:
        text = f"{depth} executions are queued, one of them for {seconds:.0f} s."
        return says.warning(text, "Start more workers, or raise the limits of graphs and users that keep them waiting.")
    return says.ok(f"{depth} executions are queued.")


def _stuck(says: _Says) -> Finding:
    many = sum(len(found.rows) for kind, found in stuck.stuck().items() if kind is not stuck.Kind.UNCLAIMED)
    if many:
        return says.error(f"{many} runs or steps are stuck.", "See Workers and stuck runs in the administration.")
    return says.ok("None.")


def _backups(says: _Says) -> Finding:
    folder = settings.DATA_DIR / "backups"
    made = max((path.stat().st_mtime for path in folder.glob("*.zip")), default=None)
    fix = "Run manage.py backup every day; ignore this if you back up PostgreSQL and the blobs by other means."
    if made is None:
        return says.warning(f"There is none in {folder}.", fix)
    days = (time.time() - made) / 86_400
    if days > OLDEST_BACKUP_DAYS:
        return says.warning(f"The newest is {days:.0f} days old.", fix)
    return says.ok(f"The newest is {days * 24:.0f} hours old.")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
