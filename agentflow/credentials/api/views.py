"""Credentials: list, make, change, test, delete."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agentflow.accounts import audit
from agentflow.api.pagination import CursorPagination
from agentflow.api.schema import problems
from agentflow.credentials import services
from agentflow.credentials.api import serializers as shapes
from agentflow.credentials.models import Credential
from agentflow.credentials.permissions import credentials_for, get_credential, is_owner
from agentflow.credentials.testing import try_out
from agentflow.graphs.api.requests import checked


class NewestFirst(CursorPagination):
    """Newest credential first."""

    ordering = "-created_at"


class CredentialViewSet(viewsets.GenericViewSet[Credential]):
    """Credentials that the caller may see."""

    queryset = Credential.objects.none()
    serializer_class = shapes.CredentialSerializer
    pagination_class = NewestFirst
    lookup_value_converter = "uuid"
    token_scopes: ClassVar = {"test": "run"}

    @property
    def user(self) -> User:
        """The caller."""
        return cast(User, self.request.user)

    @extend_schema(
        operation_id="credentials_list",
        parameters=[
            OpenApiParameter("kind", str, description="Only these kinds, comma-separated."),
            OpenApiParameter("usable", bool, description="Only those that the caller may use."),
        ],
        responses=shapes.CredentialSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        """Credentials, newest first, without their secrets."""
        role = "runner" if request.query_params.get("usable", "").lower() in ("1", "true") else "viewer"
        found = credentials_for(self.user, role).select_related("owner").defer("sealed")
        if kinds := request.query_params.get("kind", ""):
            found = found.filter(kind__in=[kind.strip()[:20].replace("\0", "") for kind in kinds.split(",")][:20])
        page = self.paginate_queryset(found) or []
        return self.get_paginated_response([shapes.credential_row(credential) for credential in page])

    @extend_schema(
        operation_id="credentials_create",
        request=shapes.NewCredentialSerializer,
        responses={201: shapes.CredentialSerializer, **problems(422)},
    )
    def create(self, request: Request) -> Response:
        """Make a credential; its secrets are encrypted and never shown again."""
        made = services.make_credential(owner=self.user, **checked(shapes.NewCredentialSerializer, request))
        return Response(self._row(made.pk), status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="credentials_retrieve", responses=shapes.CredentialSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One credential, without its secrets."""
        return Response(self._row(pk))

    @extend_schema(
        operation_id="credentials_change",
        request=shapes.ChangedCredentialSerializer,
        responses={200: shapes.CredentialSerializer, **problems(422)},
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change what is given; everything else, secrets too, stays.

        Who is no owner must give the secrets again to have them sent elsewhere.
        """
        credential = get_credential(self.user, pk, "editor")
        wanted = checked(shapes.ChangedCredentialSerializer, request)
        services.change_credential(credential, by=self.user, is_owner=is_owner(credential), **wanted)
        return Response(self._row(pk))

    @extend_schema(operation_id="credentials_delete", responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete it; graphs that name it do not start any more."""
        services.delete_credential(get_credential(self.user, pk, "owner"), by=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="credentials_test", request=None, responses=shapes.TriedSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: UUID) -> Response:
        """Use it once, in a way that changes nothing on the other side."""
        credential = get_credential(self.user, pk, "runner")
        audit.record(self.user, "tested", credential)
        tried = try_out(credential)
        return Response({"works": tried.works, "detail": tried.detail})

    def _row(self, pk: UUID) -> dict[str, Any]:
        return shapes.credential_row(get_credential(self.user, pk))
