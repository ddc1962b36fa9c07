"""Hints for the form of a block, given as a field's `json_schema_extra`."""

from typing import Final

from pydantic import JsonValue

Hint = dict[str, JsonValue]

#: Set in the form and rarely linked: the canvas draws no port until there is a link.
SETTING: Final[Hint] = {"x-widget": "setting"}
#: A large box for text, for program text, and for a template.
TEXTAREA: Final[Hint] = {"x-widget": "textarea"}
CODE: Final[Hint] = {"x-widget": "code"}
TEMPLATE: Final[Hint] = {"x-widget": "template"}
#: A whole number that is the id of a graph: the form offers the graphs that the user sees. `x-inputs` and `x-outputs` name
#: what the graph must have; one that does not is warned of.
GRAPH: Final[Hint] = {"format": "graph"}
