"""Addresses of the pages of notifications."""

from django.urls import path

from agentflow.notifications import graph_views, views

urlpatterns = [
    path("notifications/", views.notification_list, name="notifications"),
    path("notifications/unread/", views.unread_count, name="notifications-unread"),
    path("notifications/read/", views.notification_read, name="notification-read"),
    path("notifications/<uuid:notification_id>/", views.notification_open, name="notification-open"),
    path("notifications/preferences/", views.preferences, name="notification-preferences"),
    path("notifications/channels/<uuid:channel_id>/", views.channel_change, name="channel-change"),
    path("notifications/channels/<uuid:channel_id>/test/", views.channel_test, name="channel-test"),
    path("notifications/channels/<uuid:channel_id>/delete/", views.channel_delete, name="channel-delete"),
    path("notifications/rules/<int:rule_id>/delete/", views.rule_delete, name="rule-delete"),
    path("notifications/opt-out/<str:token>/", views.opt_out, name="notifications-opt-out"),
    path("graphs/<int:graph_id>/notifications/", graph_views.graph_notifications, name="graph-notifications"),
    path("graphs/<int:graph_id>/notifications/rules/", graph_views.graph_rules, name="graph-rules"),
    path("graphs/<int:graph_id>/notifications/lateness/", graph_views.graph_lateness, name="graph-lateness"),
    path("graphs/<int:graph_id>/notifications/hooks/", graph_views.hook_add, name="hook-add"),
    path("notifications/hooks/<uuid:hook_id>/<str:what>/", graph_views.hook_change, name="hook-change"),
    path("notifications/calls/<uuid:call_id>/repeat/", graph_views.call_repeat, name="call-repeat"),
]
