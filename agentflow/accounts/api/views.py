"""Tokens of the caller."""

from typing import cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from agentflow.accounts.api.serializers import CreatedTokenSerializer, NewTokenSerializer, TokenSerializer
from agentflow.accounts.models import ApiToken
from agentflow.accounts.services import create_token, revoke_token, usable_tokens


class TokenViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ApiToken]):
    """Tokens that the caller may use now."""

    serializer_class = TokenSerializer
    queryset = ApiToken.objects.none()
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[ApiToken]:
        """The caller's own."""
        return usable_tokens(cast(User, self.request.user))

    @extend_schema(operation_id="tokens_create", request=NewTokenSerializer, responses={201: CreatedTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token; its text is in this answer and nowhere else.

        Needs a session: a token that could make others could not be revoked.
        """
        if isinstance(request.auth, ApiToken):
            raise PermissionDenied("A token cannot make tokens. Log in for that.")
        wanted = NewTokenSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        token, text = create_token(user=cast(User, request.user), **wanted.validated_data)
        return Response({**TokenSerializer(token).data, "token": text}, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="tokens_revoke", responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Revoke a token."""
        revoke_token(self.get_object(), by=cast(User, self.request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)
