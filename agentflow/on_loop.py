"""Middlewares on the event loop: under ASGI, Django moves to a thread and back for every hook of every middleware.

Most hooks only look at headers and cookies, which takes less time than the way to a thread. A server changes the classes
when it starts; commands, workers and tests run without.
"""

from typing import Any

from asgiref.sync import sync_to_async
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django_prometheus.middleware import PrometheusAfterMiddleware, PrometheusBeforeMiddleware

#: Whose hooks never wait for anything.
QUICK = (
    AuthenticationMiddleware,
    CommonMiddleware,
    CSPMiddleware,
    PrometheusAfterMiddleware,
    PrometheusBeforeMiddleware,
    SecurityMiddleware,
    XFrameOptionsMiddleware,
)
#: Methods whose requests carry no form.
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def install() -> None:
    """Keep the middlewares of this process on the loop."""
    chains = dict.fromkeys((*QUICK, CsrfViewMiddleware), _quick)
    for middleware, chain in {**chains, SessionMiddleware: _session, MessageMiddleware: _messages}.items():
        setattr(middleware, "__acall__", chain)  # noqa: B010 - types know no methods that change


#: Those of them that want to know of a view.
HOOKED = (CsrfViewMiddleware, PrometheusAfterMiddleware)


class OnLoopHandler(ASGIHandler):
    """Django's handler; what middlewares want to know of a view they hear on the loop, too."""

    def adapt_method_mode(self, is_async: bool, method: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: FBT001 - Django's
        """The hook as a coroutine."""
        owner = getattr(method, "__self__", None)
        if is_async and isinstance(owner, HOOKED) and method.__name__ == "process_view":
            return _view_hook(method, reads_forms=isinstance(owner, CsrfViewMiddleware))
        return super().adapt_method_mode(is_async, method, *args, **kwargs)


def _view_hook(hook: Any, *, reads_forms: bool) -> Any:
    async def process_view(request: HttpRequest, callback: Any, *args: Any) -> Any:
        has_form = reads_forms and request.method not in SAFE and not getattr(callback, "csrf_exempt", False)
        if has_form:  # it is read for its token, which may wait for an upload
            return await sync_to_async(hook)(request, callback, *args)
        return hook(request, callback, *args)

    return process_view


async def _quick(self: Any, request: HttpRequest) -> Any:
    """Call the hooks here and now."""
    response = None
    if hasattr(self, "process_request"):
        response = self.process_request(request)
    response = response or await self.get_response(request)
    if hasattr(self, "process_response"):
        response = self.process_response(request, response)
    return response


async def _session(self: Any, request: HttpRequest) -> Any:
    """Only a session that changed is saved, which waits for the database."""
    self.process_request(request)
    response = await self.get_response(request)
    return await _answered(self, request, response, waits=request.session.modified)


async def _messages(self: Any, request: HttpRequest) -> Any:
    """Only messages that are new or were shown are stored, which may read the session."""
    self.process_request(request)
    response = await self.get_response(request)
    storage: Any = getattr(request, "_messages", None)
    return await _answered(self, request, response, waits=storage is not None and (storage.used or storage.added_new))


async def _answered(middleware: Any, request: HttpRequest, response: Any, *, waits: bool) -> Any:
    if waits:
        return await sync_to_async(middleware.process_response)(request, response)
    return middleware.process_response(request, response)
