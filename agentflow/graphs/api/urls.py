"""Addresses of graphs and blocks in the API."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from agentflow.graphs.api import blocks
from agentflow.graphs.api.views import GraphViewSet

router = SimpleRouter(use_regex_path=False)
router.register("graphs", GraphViewSet, basename="graph")

urlpatterns = [
    path("blocks/", blocks.BlockList.as_view(), name="block-list"),
    path("blocks/<str:block_id>/", blocks.BlockDetail.as_view(), name="block-detail"),
    path("blocks/<str:block_id>/ports/", blocks.BlockPorts.as_view(), name="block-ports"),
    *router.urls,
]
