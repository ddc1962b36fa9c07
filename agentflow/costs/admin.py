"""The admin's view of money: prices, credits, budgets, and what runs cost."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agentflow.admin_lists import Admin, ReadOnlyAdmin, ReadOnlyInline
from agentflow.costs.models import Account, Budget, BudgetPeriod, DailyUsage, ModelPrice, Movement, Reservation
from agentflow.costs.services import give_credits
from executions.admin_display import link
from executions.models import Charge

if TYPE_CHECKING:
    Form = forms.ModelForm[Account]
else:  # only the type checker knows it as generic
    Form = forms.ModelForm


@admin.register(Charge)
class ChargeAdmin(ReadOnlyAdmin):
    """The ledger: one row for each node execution that cost something."""

    list_display = ("created_at", "amount", "node", "block", "execution_link", "graph_id", "owner_id")
    list_columns = ("id", "created_at", "amount", "node", "block", "execution_id", "graph_id", "owner_id")
    ordering = ("-created_at",)
    fields = (
        *("id", "created_at", "amount", "seconds", "usage"),
        *("node", "block", "execution_link", "graph_id", "owner_id"),
    )

    @admin.display(description="execution")
    def execution_link(self, charge: Charge) -> SafeString:
        """The execution's page."""
        return link("admin:executions_execution_change", [charge.execution_id], f"{charge.execution_id}"[:18])


@admin.register(ModelPrice)
class ModelPriceAdmin(Admin):
    """Prices that go before those which come with the product."""

    list_display = ("model", "input_per_million", "output_per_million")
    search_fields = ("model",)


class MovementInline(ReadOnlyInline):
    """The newest changes of a balance."""

    model = Movement
    fields = readonly_fields = ("created_at", "amount", "balance_after", "uncovered", "note", "by")
    verbose_name_plural = "newest movements"


class AccountForm(Form):
    """Whose account it is, and credits to give."""

    give = forms.DecimalField(
        max_digits=14,
        decimal_places=6,
        required=False,
        help_text="US dollars to add; a negative number takes them away.",
    )
    note = forms.CharField(max_length=200, required=False)

    class Meta:
        model = Account
        fields = ("user", "group")

    def clean(self) -> dict[str, Any]:
        """Nobody's balance falls below what is set aside."""
        given = super().clean() or self.cleaned_data
        if bool(given.get("user")) == bool(given.get("group")):
            raise forms.ValidationError("Choose a user or a group.")
        free = self.instance.balance - self.instance.reserved
        if free + (given.get("give") or Decimal(0)) < 0:
            self.add_error("give", f"Only {free} $ can be taken.")
        return given


@admin.register(Account)
class AccountAdmin(Admin):
    """Credits, which are given and taken here."""

    form = AccountForm
    list_display = ("__str__", "balance", "reserved")
    list_select_related = ("user", "group")
    autocomplete_fields = ("user", "group")
    readonly_fields = ("balance", "reserved")
    fields = ("user", "group", "balance", "reserved", "give", "note")
    search_fields = ("user__username", "group__name")
    inlines = (MovementInline,)

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Also give what was asked for."""
        if change:
            obj.save(update_fields=["user", "group"])  # the balance may have moved meanwhile
        else:
            obj.save()
        if amount := form.cleaned_data.get("give"):
            giver: Any = request.user
            give_credits(obj, amount, by=giver, note=form.cleaned_data["note"])


@admin.register(Movement)
class MovementAdmin(ReadOnlyAdmin):
    """Changes of balances."""

    list_display = ("created_at", "account_id", "amount", "balance_after", "uncovered", "note", "by_id")
    list_columns = ("id", *list_display)
    fields = (*list_display, "charge")
    ordering = ("-id",)


class PeriodInline(ReadOnlyInline):
    """The newest days or months."""

    model = BudgetPeriod
    fields = readonly_fields = ("starts_on", "spent", "reserved", "warned_at", "reached_at")


@admin.register(Budget)
class BudgetAdmin(Admin):
    """How much graphs and users may spend."""

    list_display = ("__str__", "limit", "warn_at", "stops")
    list_select_related = ("graph", "user")
    raw_id_fields = ("graph", "user")
    list_filter = ("span", "stops")
    search_fields = ("graph__name", "user__username")
    fields = ("graph", "user", "span", "limit", "warn_at", "stops")
    inlines = (PeriodInline,)


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ReadOnlyAdmin):
    """What was spent of budgets."""

    list_display = ("starts_on", "budget_id", "spent", "reserved", "warned_at", "reached_at")
    list_columns = ("id", *list_display)
    fields = (*list_display, "told")
    ordering = ("-id",)


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Money that is set aside for steps that run now."""

    list_display = ("created_at", "amount", "execution", "account_id", "periods")
    list_columns = ("id", *list_display)
    fields = ("id", *list_display)
    ordering = ("-id",)


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnlyAdmin):
    """What the usage page adds up."""

    list_display = (
        *("day", "graph_id", "owner_id", "node", "block", "runs", "seconds"),
        *("tokens", "input_tokens", "output_tokens", "cost"),
    )
    list_columns = ("id", *list_display)
    fields = list_display
    ordering = ("-id",)
