"""Errors of the API as RFC 9457 problem details."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status

CONTENT_TYPE = "application/problem+json"

Failure = TypeVar("Failure", bound=Exception)


class Problem(exceptions.APIException):
    """An error with places: `errors` is `[{pointer, detail}]`."""

    status_code: int = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "The request cannot be carried out."
    default_code = "invalid"

    def __init__(
        self,
        detail: str | None = None,
        *,
        status_code: int | None = None,
        code: str | None = None,
        errors: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(detail, code)
        self.errors = list(errors)
        if status_code is not None:
            self.status_code = status_code


#: Domain errors and what they are to a client; each app adds its own with `translate`.
TRANSLATIONS: dict[type[Exception], Callable[[Any], exceptions.APIException]] = {
    Http404: lambda error: exceptions.NotFound(),
    PermissionDenied: lambda error: exceptions.PermissionDenied(str(error) or None),
}


def translate(kind: type[Failure], make: Callable[[Failure], exceptions.APIException]) -> None:
    """Answer with this problem whenever an endpoint raises an error of this kind."""
    TRANSLATIONS[kind] = make


def as_problem(error: Exception) -> exceptions.APIException | None:
    """The error as the API answers it; None for a bug."""
    if isinstance(error, exceptions.APIException):
        return error
    kind = next((kind for kind in type(error).__mro__ if kind in TRANSLATIONS), None)
    return TRANSLATIONS[kind](error) if kind else None


def body(error: exceptions.APIException) -> dict[str, Any]:
    """The problem document of an exception."""
    errors = error.errors if isinstance(error, Problem) else _field_errors(error)
    detail = str(error.detail) if isinstance(error.detail, str) else "Some values are not right."
    return document(error.status_code, detail, errors)


def document(status_code: int, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A problem document. Source: RFC 9457 §3.1; without a type of its own the title is the status' phrase (§4.2.1)."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status_code).phrase,
        "status": status_code,
        "detail": detail,
        "errors": list(errors),
    }


def _field_errors(error: exceptions.APIException) -> list[dict[str, str]]:
    if not isinstance(error, exceptions.ValidationError):
        return []
    return list(_flatten(error.detail, "#"))


def _flatten(detail: Any, pointer: str) -> list[dict[str, str]]:
    if isinstance(detail, Mapping):
        return [e for key, part in detail.items() for e in _flatten(part, _member(pointer, str(key)))]
    if isinstance(detail, list):
        if all(isinstance(part, str) for part in detail):
            return [{"pointer": pointer, "detail": str(part)} for part in detail]
        return [e for index, part in enumerate(detail) for e in _flatten(part, f"{pointer}/{index}")]
    return [{"pointer": pointer, "detail": str(detail)}]


def _member(pointer: str, key: str) -> str:
    """The pointer of a member; what is wrong with the object itself stays at the object. Source: RFC 6901 §3."""
    return pointer if key == "non_field_errors" else f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
