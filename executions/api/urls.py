"""Addresses of executions in the API."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from executions.api import errors
from executions.api.approvals import ApprovalViewSet
from executions.api.events import ExecutionEvents
from executions.api.retrying import Retry
from executions.api.starting import Execute
from executions.api.status import Status
from executions.api.views import ExecutionViewSet, NodeExecutionDetail, NodeOutput

errors.register()

router = SimpleRouter(use_regex_path=False)
router.register("approvals", ApprovalViewSet, basename="approval")
router.register("executions", ExecutionViewSet, basename="execution")

NODE = "executions/<uuid:execution_id>/nodes/<uuid:id>/"

urlpatterns = [
    path("graphs/<int:graph_id>/execute/", Execute.as_view(), name="graph-execute"),
    path("executions/<uuid:id>/events/", ExecutionEvents.as_view(), name="execution-events"),
    path("executions/<uuid:execution_id>/retry/", Retry.as_view(), name="execution-retry"),
    path(NODE, NodeExecutionDetail.as_view(), name="execution-node"),
    path(f"{NODE}outputs/<int:index>/", NodeOutput.as_view(), name="execution-node-output"),
    path("status/", Status.as_view(), name="status"),
    *router.urls,
]
