"""Addresses of notifications in the API."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from agentflow.notifications.api.views import (
    ChannelViewSet,
    HookViewSet,
    NotificationViewSet,
    RepeatCall,
    RuleViewSet,
    WatchView,
)

router = SimpleRouter(use_regex_path=False)
router.register("notifications/channels", ChannelViewSet, basename="api-channel")
router.register("notifications/rules", RuleViewSet, basename="api-rule")
router.register("notifications/hooks", HookViewSet, basename="api-hook")
router.register("notifications", NotificationViewSet, basename="api-notification")

urlpatterns = [
    path("notifications/watches/<int:graph_id>/", WatchView.as_view(), name="api-watch"),
    path("notifications/hooks/<uuid:hook_id>/calls/<uuid:id>/repeat/", RepeatCall.as_view(), name="api-hook-repeat"),
    *router.urls,
]
