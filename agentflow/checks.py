"""Wrong configuration, found before it hurts: system checks with stable ids."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from blocks.addresses import AllowList
from blocks.registry import registry
from executions.tracing import is_wanted

#: A worker must be able to miss a renewal without losing what it runs.
RENEWALS_PER_LEASE = 2


@register()
def lease_is_renewed_in_time(**_: Any) -> Sequence[CheckMessage]:
    """agentflow.E001: a lease must not end between two renewals."""
    if settings.LEASE_RENEW_SECONDS * RENEWALS_PER_LEASE <= settings.LEASE_SECONDS:
        return ()
    return [
        Error(
            f"A lease of {settings.LEASE_SECONDS:g} s that is renewed every {settings.LEASE_RENEW_SECONDS:g} s "
            "is lost when one renewal is late.",
            hint="Set AGENTFLOW_LEASE_RENEW_SECONDS to at most half of AGENTFLOW_LEASE_SECONDS.",
            id="agentflow.E001",
        )
    ]


@register()
def allowed_hosts_are_readable(**_: Any) -> Sequence[CheckMessage]:
    """agentflow.E002: a misread entry would open or close more than was meant."""
    try:
        AllowList.parse(settings.HTTP_ALLOW)
    except ValueError as error:
        return [Error(f"AGENTFLOW_HTTP_ALLOW: {error}", id="agentflow.E002")]
    return ()


@register()
def queues_carry_json(**_: Any) -> Sequence[CheckMessage]:
    """agentflow.E003: a pickled queue lets everybody who can write to Redis run code here."""
    return [
        Error(f"The queue {name} does not use the JSON serialiser.", id="agentflow.E003")
        for name, options in settings.RQ_QUEUES.items()
        if options.get("SERIALIZER") != "rq.serializers.JSONSerializer"
    ]


@register()
def canvas_is_built(**_: Any) -> Sequence[CheckMessage]:
    """agentflow.E004: a clone carries the built canvas; without it the editor's page is empty."""
    if (settings.BASE_DIR / "static" / "dist" / "manifest.json").exists():
        return ()
    return [Error("static/dist has no built canvas.", hint="Run: make canvas", id="agentflow.E004")]


@register()
def traces_can_be_sent(**_: Any) -> Sequence[CheckMessage]:
    """agentflow.W002: traces are wanted, and nothing here can send them."""
    if not is_wanted() or find_spec("opentelemetry") is not None:
        return ()
    return [
        Warning(
            "The environment says where traces go, but OpenTelemetry is not installed.",
            hint="Run: .venv/bin/uv pip install -r pyproject.toml --extra otel",
            id="agentflow.W002",
        )
    ]


@register()
def blocks_are_loaded(**_: Any) -> Sequence[CheckMessage]:
    """agentflow.W001: a module of blocks that fails to import is left out; graphs that use it cannot start."""
    return [
        Warning(f"The blocks of {module} are missing: {reason}", id="agentflow.W001")
        for module, reason in registry().disabled.items()
    ]
