"""The backend itself, where Django looks for it."""

from typing import Any

from django.db.backends.postgresql import base
from django_prometheus.db.backends.postgresql.base import DatabaseWrapper as MeasuredDatabaseWrapper
from psycopg import IsolationLevel

from agentflow.database.silence import PatientConnection


class PatientDatabaseWrapper(base.DatabaseWrapper):
    """Django's, but its connections may have `OPTIONS["silence_seconds"]`."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection out of the pool, which knows the class, or a new one."""
        if self.pool:
            return super().get_new_connection(conn_params)
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return PatientConnection.connect(**conn_params)


class DatabaseWrapper(MeasuredDatabaseWrapper, PatientDatabaseWrapper):  # type: ignore[misc]  # ships no types
    """Its statements are counted and timed for `/metrics`; about 10 microseconds each."""
