"""Edits that are kept mean what they meant: limits that they left out had their defaults, which null now says."""

from typing import Any

from django.db import migrations

NAMES = ("laps", "node_executions", "seconds", "depth", "items", "value_bytes")
SET_LIMITS = {"op": "set_graph", "name": "limits"}


def name_all_limits(apps: Any, schema_editor: Any) -> None:
    """Name every limit in edits that set limits."""
    edits = apps.get_model("graphs", "GraphEdit").objects
    for edit in edits.filter(operations__contains=[SET_LIMITS]).iterator():
        for operation in edit.operations:
            if operation.items() >= SET_LIMITS.items():
                operation["value"] = {**dict.fromkeys(NAMES), **operation["value"]}
        edit.save(update_fields=["operations"])


class Migration(migrations.Migration):
    """Changes data only."""

    dependencies = [
        ("graphs", "0002_pinned"),
    ]

    operations = [migrations.RunPython(name_all_limits, migrations.RunPython.noop)]
