"""The time by the database's clock, which web processes and workers share."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """The time, aware."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    return moment  # type: ignore[no-any-return]  # a cursor's rows have no types
