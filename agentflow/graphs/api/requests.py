"""Reading what clients send."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from agentflow.graphs.reading import Problems, Reader, text_problem
from agentflow.graphs.spec import MAX_DESCRIPTION, MAX_NAME, GraphSpec, SpecError


def checked(shape: type[serializers.Serializer[Any]], request: Request) -> Any:
    """The body's members that the shape names; raises ValidationError for wrong ones."""
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def members(request: Request) -> Mapping[str, Any]:
    """The body's members; none when there is no body.

    Raises:
        SpecError: the body is something else than an object.
    """
    found = Problems()
    reader = Reader({} if request.data is None else request.data, "#", found)
    _raise(found)
    return reader.members


def graph_spec(request: Request, *, unnamed: str = "") -> GraphSpec:
    """The graph in the body's `spec`, called `unnamed` if it has no name.

    Raises:
        SpecError: there is none, or it is not one; pointers start at the body.
    """
    found = Problems()
    reader = Reader(request.data, "#", found)
    reader.require(["spec"])
    _raise(found)
    spec = GraphSpec.from_json(reader.members["spec"], "#/spec")
    return replace(spec, name=spec.name or unnamed)


def new_graph_spec(request: Request) -> GraphSpec:
    """The graph to make of `{name?, description?, spec?}`; name and description win over the spec's.

    Raises:
        SpecError: something is wrong with one of them.
    """
    found = Problems()
    reader = Reader(request.data, "#", found)
    reader.refuse_unknown(("name", "description", "spec"))
    name = reader.text("name", longest=MAX_NAME, required="name" in reader.members)
    description = reader.text("description", longest=MAX_DESCRIPTION)
    _raise(found)
    spec = GraphSpec.from_json(reader.members.get("spec", {}), "#/spec")
    return replace(spec, name=name or spec.name, description=description or spec.description)


def text_parameter(request: Request, name: str) -> str:
    """A parameter of the query as text that the database can compare with."""
    value = request.query_params.get(name, "")
    if problem := text_problem(value, MAX_NAME):
        raise ValidationError({name: problem})
    return value


def number_parameter(request: Request, name: str, *, largest: int = 2**63 - 1) -> int:
    """A whole number of the query that is not negative; 0 when left out."""
    value = request.query_params.get(name, "0")
    if not (value.isascii() and value.isdigit()) or len(value) > 19 or int(value) > largest:
        raise ValidationError({name: "Must be a whole number that is not negative."})
    return int(value)


def _raise(found: Problems) -> None:
    if found:
        raise SpecError(found.found)
