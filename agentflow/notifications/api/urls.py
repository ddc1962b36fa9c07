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
router.register("notifications/channels", ChannelViewSet, basename="channel")
router.register("notifications/rules", RuleViewSet, basename="notification-rule")
router.register("notifications/hooks", HookViewSet, basename="hook")
router.register("notifications", NotificationViewSet, basename="notification")

urlpatterns = [
    path("notifications/watches/<int:graph_id>/", WatchView.as_view(), name="notification-watch"),
    path("notifications/hooks/<uuid:hook_id>/calls/<uuid:id>/repeat/", RepeatCall.as_view(), name="hook-call-repeat"),
    *router.urls,
]
