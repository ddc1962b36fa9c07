"""Every model can be looked at in the admin, or has a reason why not."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model

#: Models without an admin page, and why.
EXEMPT = {
    "executions.Output": "the admin cannot address composite keys; shown on the page of its node execution",
    "credentials.KeyCheck": "one row with the name of a key; a system check tells when it is the wrong one",
    "costs.Mark": "one row: how far the daily usage is counted",
    "executions.Totals": "sums for `/metrics`, which shows them",
    "auth.Permission": "chosen on the pages of users and groups",
    "contenttypes.ContentType": "Django's own bookkeeping",
    "sessions.Session": "Django's own bookkeeping; its keys let anybody in",
    "axes.AccessAttemptExpiration": "django-axes' own bookkeeping; we do not use it",
    "admin.LogEntry": "shown as the history of each row",
}


@pytest.mark.parametrize("model", apps.get_models(), ids=lambda model: model._meta.label)
def test_model_is_in_the_admin_or_exempt_with_a_reason(model: type[Model]) -> None:
    assert admin.site.is_registered(model) != (model._meta.label in EXEMPT)


def test_exemptions_name_models_that_exist() -> None:
    assert EXEMPT.keys() <= {model._meta.label for model in apps.get_models()}
