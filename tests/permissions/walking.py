"""Every address of the URL conf with the methods that it answers."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver

#: Methods that change nothing more than GET does.
IMPLIED = frozenset({"head", "options"})


class Address(NamedTuple):
    """One pattern: its whole route, and its methods if the view says which."""

    route: str
    methods: frozenset[str]


def addresses() -> list[Address]:
    """All of them, in the order of the URL conf."""
    return [Address(route, _methods(pattern.callback)) for route, pattern in _patterns(get_resolver().url_patterns, "")]


def _patterns(patterns: list[Any], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern


def _methods(view: Any) -> frozenset[str]:
    """In capitals; none where a function decides by itself."""
    if actions := getattr(view, "actions", None):  # a view set
        found = set(actions)
    elif cls := getattr(view, "cls", None) or getattr(view, "view_class", None):
        found = {name for name in cls.http_method_names if hasattr(cls, name)}
    else:
        found = set()
    return frozenset(name.upper() for name in found - IMPLIED)
