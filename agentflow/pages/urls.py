"""Addresses of the pages."""

from django.urls import path

from agentflow.pages import approvals, audit, runs, sharing, views

urlpatterns = [
    path("favicon.ico", views.favicon, name="favicon"),
    path("", views.overview, name="overview"),
    path("graphs/", views.graph_list, name="graphs"),
    path("graphs/new/", views.graph_new, name="graph-new"),
    path("graphs/import/", views.graph_import, name="graph-import"),
    path("graphs/<int:graph_id>/copy/", views.graph_copy, name="graph-copy"),
    path("graphs/<int:graph_id>/delete/", views.graph_delete, name="graph-delete"),
    path("graphs/<int:graph_id>/sharing/", sharing.graph_sharing, name="graph-sharing"),
    path("graphs/<int:graph_id>/share/", sharing.graph_share, name="graph-share"),
    path("graphs/<int:graph_id>/give/", sharing.graph_give, name="graph-give"),
    path("graphs/<int:graph_id>/history/", audit.graph_history, name="graph-history"),
    path("audit/", audit.audit_log, name="audit"),
    path("executions/", runs.execution_list, name="executions"),
    path("executions/<uuid:execution_id>/retry/", runs.execution_retry, name="run-retry"),
    path("executions/<uuid:execution_id>/rerun/", runs.execution_rerun, name="run-rerun"),
    path("executions/<uuid:execution_id>/cancel/", runs.execution_cancel, name="run-cancel"),
    path("approvals/", approvals.approval_list, name="approvals"),
    path("approvals/<uuid:approval_id>/", approvals.approval, name="approval-page"),
]
