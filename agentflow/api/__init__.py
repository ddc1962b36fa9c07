"""Shared by all endpoints: problem details, rendering, pagination, ETags, idempotency."""
