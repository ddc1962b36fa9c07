"""Addresses of usage and budgets in the API."""

from django.urls import path

from agentflow.costs.api.views import BudgetDetail, Budgets, Usage

urlpatterns = [
    path("usage/", Usage.as_view(), name="usage-api"),
    path("budgets/", Budgets.as_view(), name="budget-list"),
    path("budgets/<int:budget_id>/", BudgetDetail.as_view(), name="budget-detail"),
]
