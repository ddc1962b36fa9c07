"""JSON in and out by orjson."""

import json
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from agentflow.api.problems import Problem

#: Times in UTC end in Z.
OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


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
            return orjson.loads(text or b"null")
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}") from None


def dump(data: Any) -> bytes:
    """The value as JSON."""
    try:
        return orjson.dumps(data, default=str, option=OPTIONS)
    except TypeError:
        # A stored whole number of more than 64 bits, or nesting that orjson refuses to write.
        return json.dumps(data, default=str).encode()


def _is_empty(context: Mapping[str, Any] | None) -> bool:
    return context is None or context["response"].status_code == status.HTTP_204_NO_CONTENT
