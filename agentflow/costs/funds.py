"""The answers to `executions.funds`: balances if credits are switched on, budgets if there are any, prices of models.

Whoever takes or frees money locks the account first, then the budgets' periods, each in the order of their ids, so that
no two transactions wait for each other.
"""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from psycopg.rows import dict_row

from agentflow.costs.models import Account, Budget
from agentflow.costs.settling import ZERO, Purse, period_start_sql
from blocks.prices import Price, Prices, shipped_prices
from executions.funds import Wanted
from executions.ledger import ChargeRow

NO_ACCOUNT = (
    "This run needs credits, and neither its owner nor a group of theirs has any. Ask an administrator for some."
)
NO_CREDITS = "The credits of {name} are used up: {free} $ left. Ask an administrator for more."
TOO_FEW_CREDITS = "This step needs {amount} $, and {name} has {free} $ left. Ask an administrator for more."
BUDGET_REACHED = "The budget of {limit} $ a {span} for {whose} is used up: {spent}."

#: A user's own account goes before those of their groups.
ACCOUNTS = """
    SELECT a.id, a.balance, a.reserved, owners.owner, coalesce(u.username, g.name) AS name
    FROM unnest(%s::int[]) AS owners(owner)
    CROSS JOIN LATERAL (
        SELECT a.* FROM costs_account a WHERE a.user_id = owners.owner
            OR a.group_id IN (SELECT m.group_id FROM auth_user_groups m WHERE m.user_id = owners.owner)
        ORDER BY a.user_id IS NULL, a.id LIMIT 1
    ) a LEFT JOIN auth_user u ON u.id = a.user_id LEFT JOIN auth_group g ON g.id = a.group_id
"""
LOCK_ACCOUNTS = "SELECT id, balance, reserved FROM costs_account WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
BUDGETS = "SELECT id, graph_id, user_id FROM costs_budget WHERE graph_id = ANY(%s) OR user_id = ANY(%s)"
#: A period begins with what was spent in it before anybody counted; also by this transaction.
BEGIN_PERIODS = f"""
    INSERT INTO costs_budgetperiod (budget_id, starts_on, spent, reserved, told)
    SELECT b.id, {period_start_sql("b")}, coalesce((
        SELECT sum(c.amount) FROM executions_charge c
        WHERE (c.graph_id = b.graph_id OR c.owner_id = b.user_id)
            AND c.created_at >= {period_start_sql("b")}::timestamp AT TIME ZONE 'UTC'
    ), 0), 0, ''
    FROM costs_budget b WHERE b.id = ANY(%s)
        AND NOT EXISTS (SELECT 1 FROM costs_budgetperiod p WHERE p.budget_id = b.id AND p.starts_on = {period_start_sql("b")})
    ON CONFLICT DO NOTHING RETURNING id
"""  # noqa: S608 - parts of our own
#: The current periods of these budgets, and others by their ids.
LOCK_PERIODS = f"""
    SELECT p.id, p.budget_id, p.spent, p.reserved, b.graph_id, b.user_id, b.span, b.limit, b.warn_at, b.stops,
        p.starts_on = {period_start_sql("b")} AS is_current, coalesce(u.username, g.name) AS whose
    FROM costs_budgetperiod p JOIN costs_budget b ON b.id = p.budget_id
    LEFT JOIN auth_user u ON u.id = b.user_id LEFT JOIN graphs_graph g ON g.id = b.graph_id
    WHERE b.id = ANY(%s) AND p.starts_on = {period_start_sql("b")} OR p.id = ANY(%s)
    ORDER BY p.id FOR UPDATE OF p
"""  # noqa: S608 - parts of our own
RESERVE = """
    INSERT INTO costs_reservation (id, execution, account_id, periods, amount) VALUES (%s, %s, %s, %s::bigint[], %s)
    ON CONFLICT DO NOTHING RETURNING id
"""
SAVE_ACCOUNTS = """
    UPDATE costs_account a SET balance = new.balance, reserved = new.reserved
    FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[]) AS new(id, balance, reserved) WHERE a.id = new.id
"""
SAVE_PERIODS = """
    UPDATE costs_budgetperiod p SET spent = new.spent, reserved = new.reserved,
        warned_at = CASE WHEN new.spent >= b.limit * b.warn_at / 100 THEN coalesce(p.warned_at, clock_timestamp()) END,
        reached_at = CASE WHEN new.spent >= b.limit THEN coalesce(p.reached_at, clock_timestamp()) ELSE p.reached_at END
    FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[]) AS new(id, spent, reserved), costs_budget b
    WHERE p.id = new.id AND b.id = p.budget_id
"""
REACHED = """
    UPDATE costs_budgetperiod SET reached_at = coalesce(reached_at, clock_timestamp()),
        warned_at = coalesce(warned_at, clock_timestamp()) WHERE id = %s
"""
MOVEMENTS = """
    INSERT INTO costs_movement (account_id, amount, balance_after, charge, uncovered, note)
    SELECT * FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[], %s::uuid[], %s::numeric[], %s::text[])
"""
TAKE_RESERVATIONS = """
    DELETE FROM costs_reservation WHERE id = ANY(%s) RETURNING id, account_id, periods, amount
"""
#: Of executions that have ended without a word about the step, or are gone: somebody has ended them from outside.
ABANDONED = """
    DELETE FROM costs_reservation WHERE id IN (
        SELECT r.id FROM costs_reservation r
        WHERE NOT EXISTS (SELECT 1 FROM executions_execution e WHERE e.id = r.execution AND e.ended_at IS NULL)
            AND r.created_at < statement_timestamp() - make_interval(secs => 5)
        ORDER BY r.id LIMIT 500 FOR UPDATE SKIP LOCKED
    ) RETURNING id, account_id, periods, amount
"""

Row = dict[str, Any]


class CreditsAndBudgets:
    """What `executions.funds` asks."""

    def why_no_start(self, *, graph: int, owner: int) -> str:
        """Why no run that costs something may start; empty: it may."""
        return _why_no_credits(owner) or _why_no_budget(graph, owner)

    async def reserve(self, connection: Any, wanted: Wanted) -> str:
        """Why the step may not run; empty: it may, and its amount is set aside, once for each step."""
        if await _rows(connection, "SELECT 1 FROM costs_reservation WHERE id = %s", (wanted.node_execution,)):
            return ""
        account: Row | None = None
        if settings.CREDITS:
            account = next(iter(await _rows(connection, ACCOUNTS, ([wanted.owner],))), None)
            if account is None:
                return NO_ACCOUNT
            account |= (await _rows(connection, LOCK_ACCOUNTS, ([account["id"]],)))[0]
            purse = Purse(account["balance"], account["reserved"])
            if not purse.can_reserve(wanted.amount):
                sentence = TOO_FEW_CREDITS if purse.free > 0 else NO_CREDITS
                return sentence.format(amount=shown(wanted.amount), name=account["name"], free=shown(purse.free))
        periods = await _periods(connection, [wanted.graph], [wanted.owner])
        for period in periods:
            if period["stops"] and not _left(period).can_reserve(wanted.amount):
                await connection.execute(REACHED, (period["id"],))
                return reached_text(period)
        await _set_aside(connection, wanted, account, periods)
        return ""

    async def settle(self, connection: Any, charges: Sequence[ChargeRow]) -> None:
        """Take what steps cost, and free what was set aside for them."""
        kept = await _rows(connection, TAKE_RESERVATIONS, ([row.node_execution_id for row in charges],))
        await _settle(connection, charges, {row["id"]: row for row in kept})

    async def prices(self, connection: Any) -> Prices:
        """What models cost: first what an administrator says."""
        rows = await _rows(connection, "SELECT model, input_per_million, output_per_million FROM costs_modelprice")
        own = {row["model"]: Price(row["input_per_million"], row["output_per_million"]) for row in rows}
        return {**shipped_prices(), **own}


async def free_abandoned(connection: Any) -> None:
    """Free what was set aside for steps that nobody goes on with."""
    if left := await _rows(connection, ABANDONED):
        await _settle(connection, (), {row["id"]: row for row in left})


async def _set_aside(connection: Any, wanted: Wanted, account: Row | None, periods: Sequence[Row]) -> None:
    ids = [period["id"] for period in periods]
    if account is None and not ids:
        return
    parameters = (wanted.node_execution, wanted.execution, account and account["id"], ids, wanted.amount)
    if not await _rows(connection, RESERVE, parameters):
        return  # a worker that has lost the run meanwhile was faster
    if account:
        account["reserved"] += wanted.amount
        await _save(connection, SAVE_ACCOUNTS, [account], "balance", "reserved")
    for period in periods:
        period["reserved"] += wanted.amount
    if periods:
        await _save(connection, SAVE_PERIODS, periods, "spent", "reserved")


async def _settle(connection: Any, charges: Sequence[ChargeRow], kept: dict[UUID, Row]) -> None:
    paid = [row for row in charges if row.amount]
    accounts = await _accounts(connection, paid, kept)
    await _settle_accounts(connection, paid, kept, accounts)
    await _settle_budgets(connection, paid, kept)


async def _accounts(connection: Any, paid: Iterable[ChargeRow], kept: dict[UUID, Row]) -> dict[UUID, int]:
    """By charge and by reservation, the account that pays it: the one that has set money aside, else the owner's."""
    found = {id: row["account_id"] for id, row in kept.items() if row["account_id"]}
    without = [row for row in paid if row.node_execution_id not in found]
    if without and settings.CREDITS:
        rows = await _rows(connection, ACCOUNTS, ([*{row.owner for row in without}],))
        by_owner = {row["owner"]: row["id"] for row in rows}
        found |= {row.node_execution_id: by_owner[row.owner] for row in without if row.owner in by_owner}
    return found


async def _settle_accounts(
    connection: Any, paid: Iterable[ChargeRow], kept: dict[UUID, Row], accounts: dict[UUID, int]
) -> None:
    if not accounts:
        return
    rows = await _rows(connection, LOCK_ACCOUNTS, ([*set(accounts.values())],))
    purses = {row["id"]: Purse(row["balance"], row["reserved"]) for row in rows}
    amounts = {row.node_execution_id: row for row in paid}
    movements = []
    for id, account in accounts.items():
        if account not in purses:
            continue  # it was deleted with its user
        purse, charge = purses[account], amounts.get(id)
        amount = charge.amount if charge else ZERO
        taken = purse.settle(amount, kept[id]["amount"] if id in kept else ZERO)
        if charge:
            movements.append((account, -taken, purse.balance, id, amount - taken, charge.node))
    saved = [{"id": id, "balance": purse.balance, "reserved": purse.reserved} for id, purse in purses.items()]
    await _save(connection, SAVE_ACCOUNTS, saved, "balance", "reserved")
    if movements:
        await connection.execute(MOVEMENTS, [list(column) for column in zip(*movements, strict=True)])


async def _settle_budgets(connection: Any, paid: Sequence[ChargeRow], kept: dict[UUID, Row]) -> None:
    aside = [id for row in kept.values() for id in row["periods"]]
    graphs, owners = {row.graph for row in paid}, {row.owner for row in paid}
    periods = await _periods(connection, graphs, owners, aside)
    for period in periods:
        freed = sum((row["amount"] for row in kept.values() if period["id"] in row["periods"]), ZERO)
        period["reserved"] = max(period["reserved"] - freed, ZERO)
        if period["is_current"] and not period["is_new"]:  # a new one has counted these charges already
            mine = [row for row in paid if row.graph == period["graph_id"] or row.owner == period["user_id"]]
            period["spent"] += sum((row.amount for row in mine), ZERO)
    if periods:
        await _save(connection, SAVE_PERIODS, periods, "spent", "reserved")


async def _periods(
    connection: Any, graphs: Collection[int], owners: Collection[int], others: Collection[int] = ()
) -> list[Row]:
    """Locked: the current periods of the budgets of these graphs and users, begun if need be, and others by their ids."""
    budgets = await _rows(connection, BUDGETS, ([*graphs], [*owners])) if graphs else []
    ids = [row["id"] for row in budgets]
    if not ids and not others:
        return []
    begun = {row["id"] for row in await _rows(connection, BEGIN_PERIODS, (ids,))} if ids else set()
    rows = await _rows(connection, LOCK_PERIODS, (ids, [*others]))
    return [row | {"is_new": row["id"] in begun} for row in rows]


def _left(period: Row) -> Purse:
    return Purse(max(period["limit"] - period["spent"], period["reserved"]), period["reserved"])


async def _rows(connection: Any, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        found: list[Row] = await cursor.fetchall()
        return found


async def _save(connection: Any, statement: str, rows: Sequence[Row], *names: str) -> None:
    await connection.execute(statement, [[row[name] for row in rows] for name in ("id", *names)])


def _why_no_credits(owner: int) -> str:
    if not settings.CREDITS:
        return ""
    account = account_of(owner)
    if account is None:
        return NO_ACCOUNT
    free = account.balance - account.reserved
    return "" if free > 0 else NO_CREDITS.format(name=account, free=shown(free))


def account_of(owner: int) -> Account | None:
    """The account that pays for a user's runs: their own, else that of one of their groups."""
    accounts = Account.objects.filter(Q(user=owner) | Q(group__user=owner)).select_related("user", "group")
    return min(accounts, key=lambda account: (account.user_id is None, account.pk), default=None)


def _why_no_budget(graph: int, owner: int) -> str:
    budgets = Budget.objects.filter(Q(graph=graph) | Q(user=owner), stops=True)
    for period in current_periods(budgets.values_list("pk", flat=True)):
        if period["stops"] and not _left(period).can_reserve(ZERO):
            return reached_text(period)
    return ""


def current_periods(budgets: Iterable[int]) -> list[Row]:
    """How these budgets stand now; one that nobody has counted yet is not among them."""
    ids = list(budgets)
    if not ids:
        return []
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(LOCK_PERIODS.replace("FOR UPDATE OF p", ""), [ids, []])
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def reached_text(period: Row) -> str:
    """Why nothing more is spent."""
    spent = f"{shown(period['spent'])} $ spent"
    if period["reserved"]:
        spent += f", {shown(period['reserved'])} $ set aside for steps that run"
    values = {"limit": shown(period["limit"]), "spent": spent}
    return BUDGET_REACHED.format(**values, span=period["span"], whose=period["whose"])


def shown(amount: Decimal) -> str:
    """An amount as people read it: cents, or more digits where they matter."""
    text = f"{amount:,.6f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part:0<2}"
