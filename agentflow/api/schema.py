"""The OpenAPI description: problem details on every operation, how callers prove who they are."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as BaseAutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from agentflow.api.problems import CONTENT_TYPE


class PlaceSerializer(serializers.Serializer[Any]):
    """One mistake and where it is."""

    pointer = serializers.CharField(help_text="JSON pointer into the request's body, e.g. `#/operations/2/key`.")
    detail = serializers.CharField()


class ProblemDetailsSerializer(serializers.Serializer[Any]):
    """What went wrong (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A sentence for people.")
    errors = PlaceSerializer(many=True)  # type: ignore[assignment]  # the member's name, not the property


#: What the statuses that operations name themselves mean.
MEANINGS = {
    400: "The request is not well formed.",
    401: "Nobody is logged in, or the token is not valid.",
    402: "It would cost something, and there is no money for it.",
    403: "The role or the token's scope is too small.",
    404: "It does not exist, or is not shared with the caller.",
    406: "The answer is JSON only.",
    409: "It was done before, with another content.",
    412: "Somebody has changed it since the caller read it.",
    413: "The body is too large.",
    415: "The body must be JSON.",
    422: "The values are not right; `errors` says where.",
    428: "If-Match is missing.",
    429: "Too many requests; Retry-After says when to come back.",
}
Responses = dict[Any, Any]


def problems(*statuses: int) -> Responses:
    """Entries of `extend_schema(responses=…)` for problems that an operation has besides the common ones."""
    return {(code, CONTENT_TYPE): OpenApiResponse(ProblemDetailsSerializer, MEANINGS[code]) for code in statuses}


class AutoSchema(BaseAutoSchema):
    """Adds to every operation the problems that any of its kind can answer with."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        found: dict[str, Any] = super()._get_response_bodies(direction)
        for code in self._common_problems():
            if str(code) not in found:
                response = problems(code)[code, CONTENT_TYPE]
                found[str(code)] = self._get_response_for_code(  # type: ignore[no-untyped-call]  # no types
                    response, str(code), media_types=[CONTENT_TYPE], direction=direction
                )
        return found

    def _common_problems(self) -> list[int]:
        common = [400, 401, 403, 406, 429]
        if self.method in ("POST", "PUT", "PATCH"):
            common += [413, 415]
        names_something = "{" in self.path or self._is_list_view()
        return [*common, 404] if names_something else common


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # a library without types
    """Bearer tokens."""

    target_class = "agentflow.accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """The scheme's description."""
        return {"type": "http", "scheme": "bearer", "description": "A token from the account page."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    """The browser's session."""

    target_class = "agentflow.accounts.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """The scheme's description."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
