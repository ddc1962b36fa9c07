"""Entity tags: a writer says which revision it has seen."""

from rest_framework.request import Request

from agentflow.api.problems import Problem


def etag(revision: int) -> str:
    """The entity tag of a revision."""
    return f'"{revision}"'


def expected_revision(request: Request) -> int | None:
    """The revision that `If-Match` names; None for `*`, any.

    Raises:
        Problem: 428 without the header, 412 when it names no revision that can be.
    """
    tag = request.headers.get("If-Match", "").strip()
    if not tag:
        raise Problem(
            "Say in If-Match which revision you replace: the ETag of your GET, or * for any.", status_code=428
        )
    if tag == "*":
        return None
    number = tag.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit()) or len(number) > 19:
        raise stale()
    return int(number)


def stale() -> Problem:
    """What a writer who has not seen the newest revision is told."""
    return Problem("Somebody has changed it since you read it. Read it again and repeat your change.", status_code=412)
