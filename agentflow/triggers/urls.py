"""Addresses of triggers: their pages, and where events come in."""

from django.urls import path

from agentflow.triggers import hooks, hosted, pages

urlpatterns = [
    path("triggers/", pages.trigger_list, name="triggers"),
    path("triggers/new/<str:kind>/", pages.trigger_new, name="trigger-new"),
    path("triggers/webhook/<int:pk>/deliveries/<int:delivery>/", pages.delivery_replay, name="delivery-replay"),
    path("triggers/<str:kind>/<int:pk>/", pages.trigger_page, name="trigger"),
    path("triggers/<str:kind>/<int:pk>/<str:verb>/", pages.trigger_verb, name="trigger-verb"),
    path("hooks/<str:token>/", hooks.hook, name="hook"),
    path("forms/<str:token>/", hosted.form, name="form"),
    path("forms/<str:token>/<str:signed>/", hosted.result, name="form-result"),
]
