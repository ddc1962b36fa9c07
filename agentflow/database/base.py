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

    def is_usable(self) -> bool:
        """Not after an error: it may be the session's state, which began read-only, say."""
        return not self.errors_occurred and super().is_usable()

    def _close(self) -> None:
        """What is not usable nobody gets out of the pool again."""
        if self.errors_occurred and self.connection is not None:
            self.connection.close()
        super()._close()  # type: ignore[misc]  # the stubs leave it out


class DatabaseWrapper(MeasuredDatabaseWrapper, PatientDatabaseWrapper):  # type: ignore[misc]  # ships no types
    """Its statements are counted and timed for `/metrics`; about 10 microseconds each."""
