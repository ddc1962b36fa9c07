"""Addresses of triggers in the API."""

from rest_framework.routers import SimpleRouter

from agentflow.triggers.api import errors
from agentflow.triggers.api.views import ChainViewSet, FormViewSet, ScheduleViewSet, WebhookViewSet

errors.register()

router = SimpleRouter(use_regex_path=False)
router.register("schedules", ScheduleViewSet, basename="schedule")
router.register("webhooks", WebhookViewSet, basename="webhook")
router.register("forms", FormViewSet, basename="hosted-form")
router.register("chains", ChainViewSet, basename="chain")

urlpatterns = router.urls
