"""The ASGI application: Django for HTTP, our sockets for WebSocket."""

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentflow.settings")
django.setup(set_prefix=False)

# Models can be imported only now.
from asgiref.sync import sync_to_async
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator, WebsocketDenier
from django.conf import settings
from django.urls import path, re_path

from agentflow import memory, on_loop
from agentflow.credentials import key_check
from agentflow.database.limits import share_connections
from agentflow.static_files import StaticFiles
from executions import metrics
from executions.consumers import ExecutionConsumer, GraphConsumer
from executions.hub import hub
from executions.sockets import UnknownConsumer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Event = MutableMapping[str, Any]


class OriginRequired(OriginValidator):
    """Refuses a handshake from another site, or one that does not say where it comes from.

    Cross-site request forgery is not otherwise checked on sockets: browsers send cookies with them, and an Origin always.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Refuse an Origin that is no address, which the parent would fail on."""
        readable = all(_is_address(value) for name, value in scope["headers"] if name == b"origin")
        return await (super().__call__ if readable else WebsocketDenier())(scope, receive, send)

    def valid_origin(self, parsed_origin: Any) -> bool:
        """Whether the Origin is there and its host is one of ours."""
        return parsed_origin is not None and super().valid_origin(parsed_origin)


def _is_address(origin: bytes) -> bool:
    try:
        return urlsplit(origin.decode("latin-1")).port != 0
    except ValueError:
        return False


async def lifespan(
    _scope: "Event", receive: "Callable[[], Awaitable[Event]]", send: "Callable[[Event], Awaitable[None]]"
) -> None:
    """What only a server does, from its start to its stop."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            await sync_to_async(key_check.at_start)()
            share_connections()
            on_loop.install()
            await hub().keep()
            memory.settle()
        else:
            await hub().release()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


# Django's `path` is typed for views; Channels routes to applications with it.
addresses: "list[Any]" = [
    path("ws/executions/<uuid:id>/", ExecutionConsumer.as_asgi()),  # type: ignore[arg-type]  # as said
    path("ws/graphs/<int:id>/", GraphConsumer.as_asgi()),  # type: ignore[arg-type]  # as said
    re_path(r"", UnknownConsumer.as_asgi()),  # type: ignore[arg-type]  # as said
]
metrics.register()
application = ProtocolTypeRouter(
    {
        "http": StaticFiles(on_loop.OnLoopHandler()),
        "websocket": OriginRequired(URLRouter(addresses), settings.ALLOWED_HOSTS),
        "lifespan": lifespan,
    }
)
