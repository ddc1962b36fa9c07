"""Where backups lie when nobody says otherwise, and which of those that we made ourselves are kept."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from agentflow.backups.errors import NotWritten
from agentflow.backups.making import Made, make_backup
from agentflow.processes.places import make_private

#: Names of those that were made before something was changed; only these go by themselves.
BEFORE = "before-"


def folder() -> Path:
    """The folder of backups, closed to others.

    Raises:
        NotWritten: it cannot be made.
    """
    path: Path = settings.DATA_DIR / "backups"
    try:
        return make_private(path)
    except OSError as error:
        raise NotWritten(f"{path} could not be made: {error.strerror or error}.") from error


def new_path(prefix: str = "agentflow-") -> Path:
    """Where a backup that is made now would lie."""
    return folder() / f"{prefix}{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.zip"


def back_up_before(what: str, tell: Callable[[str], None]) -> Made:
    """Make one before something is changed, and drop older ones of this kind beyond what is kept.

    Raises:
        NotWritten: it could not be made.
    """
    prefix = f"{BEFORE}{what}-"
    made = make_backup(new_path(prefix), tell)
    older = sorted(made.path.parent.glob(f"{prefix}*.zip"))
    for path in older[: -settings.BACKUPS_KEPT]:
        path.unlink(missing_ok=True)
    return made
