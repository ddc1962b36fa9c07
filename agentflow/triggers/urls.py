"""Addresses of triggers: where events come in."""

from django.urls import path

from agentflow.triggers import hooks, hosted

urlpatterns = [
    path("hooks/<str:token>/", hooks.hook, name="hook"),
    path("forms/<str:token>/", hosted.form, name="form"),
    path("forms/<str:token>/<str:signed>/", hosted.result, name="form-result"),
]
