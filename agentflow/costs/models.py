"""Money, in US dollars to the millionth: prices of models, credits of users and groups, budgets, and what was used on each day."""

from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class ModelPrice(models.Model):
    """What a model costs here: goes before the prices that come with the product."""

    model = models.CharField(max_length=200, unique=True, help_text="As the provider names it: gpt-4o-mini.")
    input_per_million = models.DecimalField(
        max_digits=14,
        decimal_places=6,
        validators=[MinValueValidator(0)],
        help_text="US dollars for a million input tokens.",
    )
    output_per_million = models.DecimalField(
        max_digits=14,
        decimal_places=6,
        validators=[MinValueValidator(0)],
        help_text="US dollars for a million output tokens.",
    )

    class Meta:
        ordering = ["model"]
        constraints = [
            models.CheckConstraint(
                condition=Q(input_per_million__gte=0, output_per_million__gte=0), name="price_is_not_negative"
            )
        ]

    def __str__(self) -> str:
        return self.model


class Account(models.Model):
    """Credits of a user, or of a group whose members have none of their own."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="credit_account"
    )
    group = models.OneToOneField(Group, models.CASCADE, null=True, blank=True, related_name="credit_account")
    balance = models.DecimalField(max_digits=14, decimal_places=6, default=0, editable=False)
    #: The part of the balance that is set aside for steps that run.
    reserved = models.DecimalField(max_digits=14, decimal_places=6, default=0, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, group__isnull=False) | Q(user__isnull=False, group=None),
                name="account_of_a_user_or_a_group",
            ),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, balance__gte=F("reserved")), name="account_never_below_zero"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}"

    @property
    def free(self) -> Decimal:
        """What may still be spent."""
        return self.balance - self.reserved


class Movement(models.Model):
    """One change of a balance; never changed itself."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="movements")
    #: Positive: given. Negative: taken.
    amount = models.DecimalField(max_digits=14, decimal_places=6)
    balance_after = models.DecimalField(max_digits=14, decimal_places=6)
    #: The charge (`executions.Charge`) that was paid; null: somebody gave or took credits.
    charge = models.UUIDField(null=True, unique=True)
    #: The part of the charge for which there were no credits.
    uncovered = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    note = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "-id"], name="movement_of_account")]

    def __str__(self) -> str:
        return f"{self.amount} $"


class Budget(models.Model):
    """How much a graph, or a user, may spend in a day or a month."""

    class Span(models.TextChoices):
        """What begins anew at midnight UTC."""

        DAY = "day"
        MONTH = "month"

    graph = models.ForeignKey("graphs.Graph", models.CASCADE, null=True, blank=True, related_name="budgets")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="budgets")
    span = models.CharField(max_length=10, choices=Span.choices, default=Span.MONTH)
    limit = models.DecimalField(
        max_digits=14, decimal_places=6, validators=[MinValueValidator(0)], help_text="US dollars."
    )
    #: Percent of the limit at which its owner is told.
    warn_at = models.PositiveSmallIntegerField(
        default=80, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text="Percent of the limit."
    )
    stops = models.BooleanField(default=True, help_text="At the limit, steps that cost something do not run.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(graph=None, user__isnull=False) | Q(graph__isnull=False, user=None),
                name="budget_of_a_graph_or_a_user",
            ),
            models.CheckConstraint(condition=Q(limit__gte=0), name="budget_limit_is_not_negative"),
            models.CheckConstraint(condition=Q(warn_at__range=(1, 100)), name="budget_warns_at_a_share"),
            models.UniqueConstraint(fields=["graph", "span"], condition=Q(user=None), name="budget_once_per_graph"),
            models.UniqueConstraint(fields=["user", "span"], condition=Q(graph=None), name="budget_once_per_user"),
        ]

    def __str__(self) -> str:
        return f"{self.graph or self.user}, each {self.span}"


class BudgetPeriod(models.Model):
    """One day or month of a budget."""

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="periods")
    starts_on = models.DateField()
    spent = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    #: Set aside for steps that run.
    reserved = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    warned_at = models.DateTimeField(null=True)
    reached_at = models.DateTimeField(null=True)
    #: What of the two somebody was told: "", "warned" or "reached".
    told = models.CharField(max_length=10, blank=True, default="")

    class Meta:
        ordering = ["-starts_on", "budget"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_on"], name="budget_period_once"),
            models.CheckConstraint(condition=Q(spent__gte=0, reserved__gte=0), name="budget_period_is_not_negative"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(warned_at__isnull=False) & ~Q(told="reached"), name="budget_untold")
        ]

    def __str__(self) -> str:
        return f"{self.starts_on}: {self.spent} $"


class Reservation(models.Model):
    """Money that is set aside for a step that runs; it goes when the step is over."""

    #: That of the node execution.
    id = models.UUIDField(primary_key=True, editable=False)
    execution = models.UUIDField(db_index=True)
    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="reservations")
    #: Ids of the budgets' periods that count it.
    periods = ArrayField(models.BigIntegerField(), default=list)
    amount = models.DecimalField(max_digits=14, decimal_places=6)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.amount} $"


class DailyUsage(models.Model):
    """What one node of a graph used on one day (UTC) for one user; the usage page adds up these rows."""

    day = models.DateField()
    #: No constraint: what was used stays when the graph or the user is gone.
    graph = models.ForeignKey("graphs.Graph", models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    node = models.CharField(max_length=100)
    block = models.CharField(max_length=100)
    runs = models.PositiveBigIntegerField()
    #: Of work, without waits.
    seconds = models.FloatField()
    #: All of them; of some it is known which way they went.
    tokens = models.PositiveBigIntegerField()
    input_tokens = models.PositiveBigIntegerField()
    output_tokens = models.PositiveBigIntegerField()
    cost = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        ordering = ["-day"]
        verbose_name_plural = "daily usage"
        constraints = [
            models.UniqueConstraint(fields=["day", "graph", "owner", "node", "block"], name="daily_usage_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.node}"


class Mark(models.Model):
    """Until when executions and charges are part of the daily usage; one row."""

    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.until}"
