"""Who may read `/metrics`."""

from django.http import Http404, HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView

LOOPBACK = frozenset({"127.0.0.1", "::1"})
#: Set by a proxy: then the caller is somewhere else, whatever address the connection has.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded")


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics, for staff and for scrapers on this machine; others are told that there is nothing."""
    if not (_is_staff(request) or _is_local(request)):
        raise Http404
    found: HttpResponse = ExportToDjangoView(request)
    return found


def _is_staff(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_staff


def _is_local(request: HttpRequest) -> bool:
    forwarded = any(name in request.headers for name in FORWARDED)
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not forwarded
