"""JSON in and out by orjson."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from agentflow.api.problems import Problem
from agentflow.decoding import read_json
from agentflow.encoding import dump


class OrjsonRenderer(BaseRenderer):
    """Compact JSON; problem details keep their own content type."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """`data` as JSON bytes; nothing for an empty answer."""
        return b"" if data is None and _is_empty(renderer_context) else dump(data)


class OrjsonParser(BaseParser):
    """Strict JSON: no NaN, UTF-8 only, no larger than the server's limit."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body's value; raises ParseError with the place."""
        largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        text = stream.read(largest + 1)
        if len(text) > largest:
            raise Problem(f"The body is larger than {largest:,} bytes.", status_code=413)
        try:
            return read_json(text or b"null")
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}") from None


def _is_empty(context: Mapping[str, Any] | None) -> bool:
    return context is None or context["response"].status_code == status.HTTP_204_NO_CONTENT
