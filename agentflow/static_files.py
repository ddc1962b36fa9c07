"""Static files under ASGI, straight from where they are installed: a clone needs no `collectstatic`."""

from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath
from typing import Any
from wsgiref.headers import Headers

from django.conf import settings
from django.contrib.staticfiles import finders
from servestatic import ServeStaticASGI

#: Names that the canvas' build makes from the content: such a file never changes.
BUILT = "/canvas/assets/"


class StaticFiles(ServeStaticASGI):  # type: ignore[misc]  # without types it is Any
    """Answers requests for static files; everything else, also what is not there, is for the application.

    Files are looked for on each request, so that a rebuilt canvas is served, and its former files are not, while the
    process goes on.
    """

    def __init__(self, application: Any) -> None:
        self.prefix = settings.STATIC_URL
        super().__init__(
            application,
            autorefresh=True,
            max_age=60,
            allow_all_origins=False,
            immutable_file_test=lambda _path, url: BUILT in url,
            add_headers_function=_add_headers,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Look for a file only below the static address."""
        mine = scope["type"] == "http" and scope["path"].startswith(self.prefix)
        await (super().__call__ if mine else self.application)(scope, receive, send)

    def candidate_paths_for_url(self, url: str) -> Iterator[str]:
        """The file of an address; the finders refuse what would lead out of their folders."""
        found = finders.find(normpath(url.removeprefix(self.prefix)).lstrip("/"))
        if found and Path(found).is_file():
            yield found


def _add_headers(headers: Headers, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
