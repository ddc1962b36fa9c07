"""Addresses of credentials in the API."""

from rest_framework.routers import SimpleRouter

from agentflow.credentials.api.views import CredentialViewSet

router = SimpleRouter(use_regex_path=False)
router.register("credentials", CredentialViewSet, basename="credential")
urlpatterns = router.urls
