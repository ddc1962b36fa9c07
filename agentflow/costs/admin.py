"""The admin's view of money: what runs cost."""

from django.contrib import admin
from django.utils.safestring import SafeString

from agentflow.admin_lists import ReadOnlyAdmin
from executions.admin_display import link
from executions.models import Charge


@admin.register(Charge)
class ChargeAdmin(ReadOnlyAdmin):
    """The ledger: one row for each node execution that cost something."""

    list_display = ("created_at", "amount", "node", "block", "execution_link", "graph_id", "owner_id")
    list_columns = ("id", "created_at", "amount", "node", "block", "execution_id", "graph_id", "owner_id")
    ordering = ("-created_at",)
    fields = (
        "id",
        "created_at",
        "amount",
        "seconds",
        "usage",
        "node",
        "block",
        "execution_link",
        "graph_id",
        "owner_id",
    )

    @admin.display(description="execution")
    def execution_link(self, charge: Charge) -> SafeString:
        """The execution's page."""
        return link("admin:executions_execution_change", [charge.execution_id], f"{charge.execution_id}"[:18])
