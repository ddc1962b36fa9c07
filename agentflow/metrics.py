"""Who may read `/metrics`."""

from typing import cast

from django.http import Http404, HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from agentflow.accounts.authentication import TokenAuthentication

LOOPBACK = frozenset({"127.0.0.1", "::1"})
#: Set by a proxy: then the caller is somewhere else, whatever address the connection has.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded")


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics, for staff, also by a token, and for scrapers on this machine; others find nothing."""
    if not (_is_local(request) or _is_staff(request) or _has_staff_token(request)):
        raise Http404
    found: HttpResponse = ExportToDjangoView(request)
    return found


def _is_staff(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_staff


def _has_staff_token(request: HttpRequest) -> bool:
    try:
        found = TokenAuthentication().authenticate(cast(Request, request))  # it only reads the headers
    except AuthenticationFailed:
        return False
    return found is not None and found[0].is_staff


def _is_local(request: HttpRequest) -> bool:
    forwarded = any(name in request.headers for name in FORWARDED)
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not forwarded
