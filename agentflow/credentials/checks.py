"""Wrong keys as a system check: `manage.py check --database default`, and before each migration."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from agentflow.credentials.key_check import WRONG_KEYS, lost_keys


@register(Tags.database)
def keys_open_what_is_stored(databases: Sequence[str] | None = None, **_: Any) -> Sequence[CheckMessage]:
    """agentflow.E005: with other keys no credential could be used."""
    if not databases or "default" not in databases or not lost_keys():
        return ()
    return [Error(WRONG_KEYS, id="agentflow.E005")]
