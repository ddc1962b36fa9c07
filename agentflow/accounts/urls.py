"""Addresses of login and account pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from agentflow.accounts import views

urlpatterns = [
    path("accounts/login/", views.LoginView.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("account/", views.account, name="account"),
    path("account/profile/", views.save_profile, name="profile"),
    path("account/tokens/", views.make_token, name="token-make"),
    path("account/tokens/<int:token_id>/revoke/", views.drop_token, name="token-drop"),
]
