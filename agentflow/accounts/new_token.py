"""The text of a token on its way to the page that shows it once: the browser carries it, the server keeps it nowhere."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from agentflow.accounts.authentication import digest
from agentflow.accounts.models import ApiToken

COOKIE = "agentflow_new_token"
#: Long enough for a slow redirect.
SECONDS = 60


def hand_over(response: HttpResponse, token: ApiToken, text: str) -> None:
    """Have the browser bring the text along when it loads the account page next."""
    response.set_signed_cookie(
        COOKIE,
        text,
        salt=str(token.user_id),
        max_age=SECONDS,
        path=reverse("account"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def read(request: HttpRequest, tokens: QuerySet[ApiToken]) -> dict[str, Any]:
    """`{made, text}` if the browser brings the text of one of these tokens, else nothing."""
    text = request.get_signed_cookie(COOKIE, None, salt=str(request.user.pk), max_age=SECONDS)
    made = text and tokens.filter(digest=digest(text)).first()
    return {"made": made, "text": text} if made else {}


def forget(response: HttpResponse) -> None:
    """Have the browser forget the text."""
    response.delete_cookie(COOKIE, path=reverse("account"), samesite="Strict")
