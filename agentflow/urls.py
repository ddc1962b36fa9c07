"""Every address of the product; imports everybody, nobody imports it."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

from agentflow.graphs.views import canvas
from agentflow.metrics import metrics
from executions.views import execution

api: list[URLPattern | URLResolver] = [
    path("", include("agentflow.graphs.api.urls")),
    path("", include("agentflow.accounts.api.urls")),
    path("", include("agentflow.credentials.api.urls")),
    path("", include("executions.api.urls")),
    path("", include("agentflow.triggers.api.urls")),
    path("", include("agentflow.costs.api.urls")),
    path("", include("agentflow.notifications.api.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
]

urlpatterns = [
    path("", include("agentflow.pages.urls")),
    path("", include("agentflow.accounts.urls")),
    path("", include("agentflow.triggers.urls")),
    path("", include("agentflow.costs.urls")),
    path("", include("agentflow.notifications.urls")),
    path("", include("agentflow.credentials.urls")),
    path("graphs/<int:graph_id>/canvas/", canvas, name="canvas"),
    path("executions/<uuid:execution_id>/", execution, name="execution"),
    path("api/v1/", include(api)),
    path("admin/django-rq/", include("django_rq.urls")),
    path("admin/", admin.site.urls),
    path("metrics", metrics, name="metrics"),
]
if settings.OIDC_ISSUER:
    urlpatterns += [path("", include("agentflow.accounts.oidc_urls"))]

admin.site.site_header = admin.site.site_title = "agentflow"
admin.site.index_title = "Administration"

handler400 = "agentflow.api.pages.bad_request"
handler403 = "agentflow.api.pages.refused"
handler404 = "agentflow.api.pages.not_found"
handler500 = "agentflow.api.pages.server_error"
