"""Addresses of signing in by OpenID Connect, and those to which django-allauth sends people on its way."""

from django.urls import include, path
from django.views.generic import RedirectView

login = RedirectView.as_view(pattern_name="login")
account = RedirectView.as_view(pattern_name="account")

urlpatterns = [
    path("accounts/", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("accounts/oidc/cancelled/", login, name="socialaccount_login_cancelled"),
    path("accounts/oidc/failed/", login, name="socialaccount_login_error"),
    path("accounts/oidc/closed/", login, name="account_inactive"),
    path("accounts/oidc/login/", login, name="account_login"),
    path("accounts/oidc/sign-up/", login, name="socialaccount_signup"),
    path("accounts/oidc/connections/", account, name="socialaccount_connections"),
]
