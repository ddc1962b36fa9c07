"""`Credential["api_key", "bearer"]`: the type of an input that names a credential of these kinds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import WithJsonSchema

__all__ = ["FORMAT", "Credential", "kinds_of"]

#: In the JSON Schema of such an input, beside `kinds`.
FORMAT = "credential"

if TYPE_CHECKING:
    from typing import Literal as Credential  # mypy reads the kinds as what they are: words
else:

    class Credential:
        """The public id of a credential; written in a node's config, never linked."""

        def __class_getitem__(cls, kinds: str | tuple[str, ...]) -> Any:
            named = [kinds] if isinstance(kinds, str) else list(kinds)
            return Annotated[str, WithJsonSchema({"type": "string", "format": FORMAT, "kinds": named})]


def kinds_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of credential that a port of this schema takes; empty: it takes none."""
    for one in (schema, *schema.get("anyOf", ())):
        if one.get("format") == FORMAT:
            return tuple(one.get("kinds", ()))
    return ()
