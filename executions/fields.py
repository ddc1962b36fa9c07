"""A JSON column that gives back exactly what was put in."""

from typing import Any

from django.db import models
from django.db.models.expressions import Expression
from psycopg.types.json import Json


class ExactJSONField(models.JSONField):
    """PostgreSQL's `json`: unlike `jsonb` it keeps the order of keys, the spelling of numbers and NUL characters."""

    def db_type(self, connection: Any) -> str:
        """The column's type."""
        return "json"

    def get_lookup(self, lookup_name: str) -> Any:
        """PostgreSQL cannot compare `json`: asking for more than null is refused in Python, not by the server."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def get_transform(self, lookup_name: str) -> Any:
        """No member of it can be asked for: such queries would read every payload."""
        return None

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Psycopg has parsed it already."""
        return value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's
        """As JSON text, not as jsonb."""
        return value if value is None or isinstance(value, Expression) else Json(value)
