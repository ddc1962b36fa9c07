"""Static files under ASGI."""

from pathlib import Path

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.staticfiles import finders
from django.test import override_settings

from agentflow.static_files import StaticFiles


async def application(scope, receive, send):
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"the application"})


async def get(files: StaticFiles, path: str, **headers: str) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of a request."""
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": sent}
    asked = ApplicationCommunicator(files, scope)
    await asked.send_input({"type": "http.request", "body": b""})
    start = await asked.receive_output()
    body = b""
    while True:
        part = await asked.receive_output()
        body += part["body"]
        if not part.get("more_body"):
            break
    await asked.wait()
    return start["status"], dict(start["headers"]), body


@pytest.fixture
def files(tmp_path: Path):
    """A server of a folder with a built file and a page's style."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "main-abc.js").write_text("built")
    (tmp_path / "pages.css").write_text("style")
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]  # the stubs do not know that it is cached
    with override_settings(STATICFILES_DIRS=[("canvas", tmp_path)]):
        yield StaticFiles(application)
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]  # the stubs do not know that it is cached


async def test_built_files_are_kept_for_ever(files):
    status, headers, body = await get(files, "/static/canvas/assets/main-abc.js")
    assert (status, body) == (200, b"built")
    assert b"immutable" in headers[b"cache-control"]
    assert headers[b"x-content-type-options"] == b"nosniff"


async def test_other_files_are_asked_for_again(files):
    _, headers, _ = await get(files, "/static/canvas/pages.css")
    assert headers[b"cache-control"] == b"max-age=60, public"
    status, _, body = await get(files, "/static/canvas/pages.css", if_modified_since=headers[b"last-modified"].decode())
    assert (status, body) == (304, b"")


async def test_rebuilt_file_replaces_the_former_one_at_once(files, tmp_path):
    assert (await get(files, "/static/canvas/assets/main-abc.js"))[0] == 200
    (tmp_path / "assets" / "main-abc.js").rename(tmp_path / "assets" / "main-def.js")
    assert (await get(files, "/static/canvas/assets/main-abc.js"))[0] == 404
    assert (await get(files, "/static/canvas/assets/main-def.js"))[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/static/",
        "/static/canvas/",
        "/static/canvas/../secret",
        "/static/..%2f",
        "/static/canvas/\0",
        "/static//etc/passwd",
    ],
)
async def test_everything_else_is_for_the_application(files, tmp_path, path):
    (tmp_path.parent / "secret").write_text("secret")
    assert (await get(files, path))[2] == b"the application"


async def test_installed_applications_files_are_there(files):
    assert (await get(files, "/static/admin/css/base.css"))[0] == 200
