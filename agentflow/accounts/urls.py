"""Addresses of login, account, groups and invitations."""

from django.contrib.auth.views import LogoutView, PasswordResetDoneView
from django.urls import path

from agentflow.accounts import group_views, invitation_views, password_views, views

urlpatterns = [
    path("accounts/login/", views.LoginView.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("accounts/password/", password_views.ChangeView.as_view(), name="password_change"),
    path("accounts/password/forgotten/", password_views.ForgottenView.as_view(), name="password_reset"),
    path(
        "accounts/password/sent/",
        PasswordResetDoneView.as_view(template_name="accounts/password_sent.html"),
        name="password_reset_done",
    ),
    path("accounts/password/new/<uidb64>/<token>/", password_views.ResetView.as_view(), name="password_reset_confirm"),
    path("invitations/<str:text>/", invitation_views.invitation, name="invitation"),
    path("account/", views.account, name="account"),
    path("account/profile/", views.save_profile, name="profile"),
    path("account/tokens/", views.make_token, name="token-make"),
    path("account/tokens/<int:token_id>/revoke/", views.drop_token, name="token-drop"),
    path("account/sessions/end/", views.end_other_sessions, name="sessions-end"),
    path("account/sessions/<int:sign_in_id>/end/", views.end_session, name="session-end"),
    path("groups/", group_views.group_list, name="groups"),
    path("groups/new/", group_views.group_new, name="group-new"),
    path("groups/<int:group_id>/", group_views.group_page, name="group"),
    path("groups/<int:group_id>/delete/", group_views.group_delete, name="group-delete"),
    path("groups/<int:group_id>/invitations/", group_views.invitation_new, name="invitation-new"),
    path(
        "groups/<int:group_id>/invitations/<int:invitation_id>/revoke/",
        group_views.invitation_revoke,
        name="invitation-revoke",
    ),
    path("groups/<int:group_id>/members/<int:user_id>/role/", group_views.member_role, name="member-role"),
    path("groups/<int:group_id>/members/<int:user_id>/remove/", group_views.member_remove, name="member-remove"),
]
