"""Django's PostgreSQL backend (`ENGINE`) with connections that do not wait for ever, and the limits of long-lived processes."""
