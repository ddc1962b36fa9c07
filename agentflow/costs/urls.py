"""Addresses of the usage page."""

from django.urls import path

from agentflow.costs import pages

urlpatterns = [
    path("usage/", pages.usage_page, name="usage"),
    path("usage/export/", pages.usage_export, name="usage-export"),
    path("usage/budgets/", pages.budget_set, name="budget-set"),
    path("usage/budgets/<int:budget_id>/remove/", pages.budget_remove, name="budget-remove"),
]
