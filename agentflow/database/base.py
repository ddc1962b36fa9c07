"""The backend itself, where Django looks for it."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import IsolationLevel

from agentflow.database.silence import PatientConnection


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but its connections may have `OPTIONS["silence_seconds"]`."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection out of the pool, which knows the class, or a new one."""
        if self.pool:
            return super().get_new_connection(conn_params)
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return PatientConnection.connect(**conn_params)
