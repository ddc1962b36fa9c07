"""Addresses of the pages of credentials."""

from django.urls import path

from agentflow.credentials import views

urlpatterns = [
    path("credentials/", views.credential_list, name="credentials"),
    path("credentials/callback/", views.credential_callback, name="credential-callback"),
    path("credentials/new/<str:kind>/", views.credential_new, name="credential-new"),
    path("credentials/<uuid:id>/", views.credential, name="credential"),
    path("credentials/<uuid:id>/test/", views.credential_test, name="credential-try"),
    path("credentials/<uuid:id>/share/", views.credential_share, name="credential-share"),
    path("credentials/<uuid:id>/give/", views.credential_give, name="credential-give"),
    path("credentials/<uuid:id>/connect/", views.credential_connect, name="credential-connect"),
    path("credentials/<uuid:id>/delete/", views.credential_delete, name="credential-delete"),
]
