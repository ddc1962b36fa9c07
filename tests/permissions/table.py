"""The table: every address of the product with who may do what; a new one without a row here fails the tests.

A row says what each actor is answered: `ok` (it is done, or refused for another reason), `refused` (403), `nothing`
(404: it does not exist for them), `log in` (401, or the way to the login page).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.permissions.world import ACTORS, PEOPLE, SCOPES

ROLES: Final = ("viewer", "runner", "editor", "owner")
JSON: Final = "application/json"


@dataclass(frozen=True)
class Row:
    """One method of one address."""

    method: str
    route: str
    answers: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_api(self) -> bool:
        return self.route.startswith("api/")


def everybody(answer: str = "ok") -> dict[str, str]:
    return dict.fromkeys(ACTORS, answer)


def person(*, scope: str = "") -> dict[str, str]:
    """Anybody who is logged in, or has a token of this scope."""
    return {**dict.fromkeys(PEOPLE, "ok"), "anonymous": "log in", **_tokens(scope)}


def role(least: str, *, scope: str = "") -> dict[str, str]:
    """Whoever has this role in the graph; for strangers, staff among them, there is none."""
    allowed = ROLES[ROLES.index(least) :]
    people = {name: "ok" if name in allowed else "refused" for name in ROLES}
    return {**people, "stranger": "nothing", "staff": "nothing", "anonymous": "log in", **_tokens(scope)}


def alone(*, scope: str = "") -> dict[str, str]:
    """The owner alone; for others there is none."""
    return {**dict.fromkeys(PEOPLE, "nothing"), "owner": "ok", "anonymous": "log in", **_tokens(scope)}


def _tokens(scope: str) -> dict[str, str]:
    """Those of the owner; pages take none."""
    reached = (
        {name: "ok" if SCOPES.index(name) >= SCOPES.index(scope) else "refused" for name in SCOPES} if scope else {}
    )
    return {f"token {name}": reached.get(name, "log in") for name in SCOPES}


def _trigger_rows(route: str, body: Mapping[str, str]) -> Iterator[Row]:
    yield Row("GET", route, person(scope="read"))
    yield Row("POST", route, role("editor", scope="write"), {"graph": "{graphs}", **body})
    one = route + "<int:pk>/"
    yield Row("GET", one, role("viewer", scope="read"))
    yield Row("PATCH", one, role("editor", scope="write"))
    yield Row("DELETE", one, role("editor", scope="write"))
    yield Row("POST", one + "pause/", role("editor", scope="write"))
    yield Row("POST", one + "resume/", role("editor", scope="write"))
    yield Row("POST", one + "test/", role("runner", scope="run"))


GRAPH = "graphs/<int:graph_id>/"
RUN = "executions/<uuid:execution_id>/"
GROUP = "groups/<int:group_id>/"
API_GRAPH = "api/v1/graphs/<int:pk>/"
API_RUN = "api/v1/executions/<uuid:pk>/"
NODES = "api/v1/executions/<uuid:execution_id>/nodes/<uuid:id>/"

PAGES = [
    Row("GET", "favicon.ico", everybody()),
    Row("GET", "", person()),
    Row("GET", "graphs/", person()),
    Row("POST", "graphs/new/", person()),
    Row("POST", "graphs/import/", person()),
    Row("POST", GRAPH + "copy/", role("viewer")),
    Row("POST", GRAPH + "delete/", role("owner")),
    Row("GET", GRAPH + "sharing/", role("owner")),
    Row("POST", GRAPH + "share/", role("owner"), {"group": "{groups}", "role": "viewer"}),
    Row("POST", GRAPH + "give/", role("owner"), {"group": "{groups}"}),
    Row("GET", GRAPH + "history/", role("editor")),
    Row("GET", GRAPH + "canvas/", role("viewer")),
    Row(
        "GET",
        "audit/",
        {**everybody("nothing"), **dict.fromkeys(("anonymous", *(f"token {s}" for s in SCOPES)), "log in")},
    ),
    Row("GET", "executions/", person()),
    Row("GET", RUN, role("viewer")),
    Row("POST", RUN + "retry/", role("runner")),
    Row("POST", RUN + "rerun/", role("runner")),
    Row("POST", RUN + "cancel/", role("runner")),
    Row("GET", "approvals/", person()),
    Row("GET", "approvals/<uuid:approval_id>/", role("viewer")),
    Row("POST", "approvals/<uuid:approval_id>/", role("runner"), {"decision": "approved"}),
]
MONEY = [
    Row("GET", "usage/", person()),
    Row("GET", "usage/export/", person()),
    Row("POST", "usage/budgets/", person()),  # of what one owns: tests/costs/test_usage.py
    Row("POST", "usage/budgets/<int:budget_id>/remove/", alone()),
    Row("GET", "api/v1/usage/", person(scope="read")),
    Row("GET", "api/v1/budgets/", person(scope="read")),
    Row("POST", "api/v1/budgets/", role("owner", scope="write"), {"graph": "{graphs}", "span": "day", "limit": "1"}),
    Row("DELETE", "api/v1/budgets/<int:budget_id>/", alone(scope="write")),
]
ACCOUNT = [
    Row("GET", "accounts/login/", everybody()),
    Row("POST", "accounts/login/", everybody()),
    Row("POST", "accounts/logout/", everybody("log in")),  # that is where it leads
    Row("GET", "accounts/password/", person()),
    Row("POST", "accounts/password/", person()),
    Row("GET", "accounts/password/forgotten/", everybody()),
    Row("POST", "accounts/password/forgotten/", everybody()),
    Row("GET", "accounts/password/sent/", everybody()),
    Row("GET", "accounts/password/new/<uidb64>/<token>/", everybody()),
    Row("POST", "accounts/password/new/<uidb64>/<token>/", everybody()),
    Row("GET", "invitations/<str:text>/", everybody("nothing")),  # a link that nobody was sent
    Row("POST", "invitations/<str:text>/", everybody("nothing")),
    Row("GET", "account/", person()),
    Row("POST", "account/profile/", person()),
    Row("POST", "account/tokens/", person()),
    Row("POST", "account/tokens/<int:token_id>/revoke/", alone()),
    Row("POST", "account/sessions/end/", person()),
    Row("POST", "account/sessions/<int:sign_in_id>/end/", {**alone(), "owner": "nothing"}),  # it has ended
    Row("GET", "groups/", person()),
    Row("POST", "groups/new/", person(), {"name": "Another"}),
    Row("GET", GROUP, role("viewer")),
    Row("POST", GROUP + "delete/", role("owner")),
    Row("POST", GROUP + "invitations/", role("owner"), {"role": "viewer"}),
    Row("POST", GROUP + "invitations/<int:invitation_id>/revoke/", role("owner")),
    Row("POST", GROUP + "members/<int:user_id>/role/", role("owner"), {"role": "runner"}),
    Row("POST", GROUP + "members/<int:user_id>/remove/", {**role("owner"), "viewer": "ok"}),  # themselves
]
API = [
    Row("GET", "api/v1/blocks/", person(scope="read")),
    Row("GET", "api/v1/blocks/<str:block_id>/", person(scope="read")),
    Row("POST", "api/v1/blocks/<str:block_id>/ports/", person(scope="read")),
    Row("GET", "api/v1/graphs/", person(scope="read")),
    Row("POST", "api/v1/graphs/", person(scope="write"), {"name": "New"}),
    Row("POST", "api/v1/graphs/import/", person(scope="write"), {"name": "New", "nodes": []}),
    Row("GET", API_GRAPH, role("viewer", scope="read")),
    Row("PUT", API_GRAPH, role("editor", scope="write")),
    Row("DELETE", API_GRAPH, role("owner", scope="write")),
    Row("GET", API_GRAPH + "edits/", role("viewer", scope="read")),
    Row("POST", API_GRAPH + "edits/", role("editor", scope="write")),
    Row("GET", API_GRAPH + "export/", role("viewer", scope="read")),
    Row("GET", API_GRAPH + "interface/", role("viewer", scope="read")),
    Row("POST", API_GRAPH + "publish/", role("editor", scope="write")),
    Row("DELETE", API_GRAPH + "publish/", role("editor", scope="write")),
    Row("POST", API_GRAPH + "validate/", role("viewer", scope="read")),
    Row("GET", API_GRAPH + "versions/", role("viewer", scope="read")),
    Row("GET", API_GRAPH + "versions/<int:number>/", role("viewer", scope="read")),
    Row("POST", "api/v1/graphs/<int:graph_id>/execute/", role("runner", scope="run")),
    Row("GET", "api/v1/executions/", person(scope="read")),
    Row("GET", API_RUN, role("viewer", scope="read")),
    Row("POST", API_RUN + "cancel/", role("runner", scope="run")),
    Row("POST", API_RUN + "rerun/", role("runner", scope="run")),
    Row("GET", API_RUN + "nodes/", role("viewer", scope="read")),
    Row("GET", API_RUN + "outputs/", role("viewer", scope="read")),
    Row("POST", "api/v1/executions/<uuid:execution_id>/retry/", role("runner", scope="run")),
    Row("GET", "api/v1/executions/<uuid:id>/events/", role("viewer", scope="read")),
    Row("GET", NODES, role("viewer", scope="read")),
    Row("GET", NODES + "outputs/<int:index>/", role("viewer", scope="read")),
    Row("GET", "api/v1/status/", person(scope="read")),
    Row("GET", "api/v1/approvals/", person(scope="read")),
    Row("GET", "api/v1/approvals/<uuid:pk>/", role("viewer", scope="read")),
    Row("POST", "api/v1/approvals/<uuid:pk>/decide/", role("runner", scope="run"), {"decision": "approved"}),
    Row("GET", "api/v1/tokens/", person(scope="read")),
    Row(
        "POST",
        "api/v1/tokens/",
        {**person(), **dict.fromkeys([f"token {s}" for s in SCOPES], "refused")},
        {"name": "t"},
    ),
    Row("DELETE", "api/v1/tokens/<int:pk>/", alone(scope="write")),
    Row("GET", "api/v1/schema/", everybody()),
]
CHANNEL = "notifications/channels/<uuid:channel_id>/"
API_CHANNEL = "api/v1/notifications/channels/<uuid:pk>/"
API_HOOK = "api/v1/notifications/hooks/<uuid:pk>/"


def editors(*, scope: str = "") -> dict[str, str]:
    """Editors and the owner; for others there is none."""
    return {**alone(scope=scope), "editor": "ok"}


NOTIFICATIONS = [
    Row("GET", "notifications/", person()),
    Row("GET", "notifications/unread/", everybody()),  # anonymous: none
    Row("POST", "notifications/read/", person()),
    Row("GET", "notifications/<uuid:notification_id>/", alone()),
    Row("GET", "notifications/preferences/", person()),
    Row("POST", "notifications/preferences/", person(), {"name": "New", "url": "json://example.com"}),
    Row("POST", CHANNEL, alone()),
    Row("POST", CHANNEL + "test/", alone()),
    Row("POST", CHANNEL + "delete/", alone()),
    Row("POST", "notifications/rules/<int:rule_id>/delete/", alone()),
    Row("GET", "notifications/opt-out/<str:token>/", everybody("nothing")),  # a link that nobody was sent
    Row("POST", "notifications/opt-out/<str:token>/", everybody("nothing")),
    Row("GET", GRAPH + "notifications/", role("viewer")),
    Row("POST", GRAPH + "notifications/rules/", role("viewer")),
    Row("POST", GRAPH + "notifications/lateness/", role("editor"), {"silent_minutes": "9"}),
    Row("POST", GRAPH + "notifications/hooks/", role("editor"), {"url": "https://example.com", "statuses": "failed"}),
    Row("POST", "notifications/hooks/<uuid:hook_id>/<str:what>/", editors()),
    Row("POST", "notifications/calls/<uuid:call_id>/repeat/", editors()),
    Row("GET", "api/v1/notifications/", person(scope="read")),
    Row("GET", "api/v1/notifications/unread/", person(scope="read")),
    Row("POST", "api/v1/notifications/read/", person(scope="run")),
    Row("GET", "api/v1/notifications/channels/", person(scope="read")),
    Row("POST", "api/v1/notifications/channels/", person(scope="write"), {"name": "N", "url": "json://example.com"}),
    Row("GET", API_CHANNEL, alone(scope="read")),
    Row("PATCH", API_CHANNEL, alone(scope="write"), {"name": "Other"}),
    Row("DELETE", API_CHANNEL, alone(scope="write")),
    Row("POST", API_CHANNEL + "test/", alone(scope="write")),
    Row("GET", API_CHANNEL + "deliveries/", alone(scope="read")),
    Row("GET", "api/v1/notifications/rules/", person(scope="read")),
    Row(
        "POST",
        "api/v1/notifications/rules/",
        alone(scope="write"),
        {"channel": "{channels}", "graph": "{graphs}", "kinds": ["failed"]},
    ),
    Row("DELETE", "api/v1/notifications/rules/<int:pk>/", alone(scope="write")),
    Row("GET", "api/v1/notifications/watches/<int:graph_id>/", role("viewer", scope="read")),
    Row("PUT", "api/v1/notifications/watches/<int:graph_id>/", role("editor", scope="write"), {"silent_minutes": 9}),
    Row("GET", "api/v1/notifications/hooks/", person(scope="read")),
    Row(
        "POST",
        "api/v1/notifications/hooks/",
        role("editor", scope="write"),
        {"graph": "{graphs}", "url": "https://example.com"},
    ),
    Row("GET", API_HOOK, editors(scope="read")),
    Row("PATCH", API_HOOK, editors(scope="write"), {"is_on": False}),
    Row("DELETE", API_HOOK, editors(scope="write")),
    Row("POST", API_HOOK + "secret/", editors(scope="write")),
    Row("POST", API_HOOK + "test/", editors(scope="write")),
    Row("GET", API_HOOK + "calls/", editors(scope="read")),
    Row("POST", "api/v1/notifications/hooks/<uuid:hook_id>/calls/<uuid:id>/repeat/", editors(scope="write")),
]
#: Kinds of triggers, and the least that makes one.
TRIGGERS: Final[Mapping[str, Mapping[str, str]]] = {
    "schedules": {"cron": "0 0 * * *"},
    "webhooks": {},
    "forms": {},
    "chains": {"source": "{graphs}"},
}
EVENTS = [
    # Addresses that nobody was given.
    *(Row(method, "hooks/<str:token>/", everybody("nothing")) for method in ("GET", "POST")),
    *(Row(method, "forms/<str:token>/", everybody("nothing")) for method in ("GET", "POST")),
    Row("GET", "forms/<str:token>/<str:signed>/", everybody("nothing")),
    *(row for kind, body in TRIGGERS.items() for row in _trigger_rows(f"api/v1/{kind}/", body)),
    *(Row("POST", f"api/v1/{kind}/<int:pk>/renew/", role("editor", scope="write")) for kind in ("webhooks", "forms")),
    Row("GET", "api/v1/webhooks/<int:pk>/deliveries/", role("viewer", scope="read")),
    Row("POST", "api/v1/webhooks/<int:pk>/deliveries/<int:delivery>/replay/", role("runner", scope="run")),
]
TRIGGER: Final = "triggers/<str:kind>/<int:pk>/"
TRIGGER_PAGES = [
    Row("GET", "triggers/", person()),
    Row("GET", "triggers/new/<str:kind>/", person()),  # of which graph is asked next
    Row("POST", "triggers/new/<str:kind>/", person()),
    Row("GET", TRIGGER, role("viewer")),
    Row("POST", TRIGGER, role("editor")),
    Row("POST", TRIGGER + "<str:verb>/", role("editor")),
    Row("POST", "triggers/webhook/<int:pk>/deliveries/<int:delivery>/", role("runner")),
]
CREDENTIAL: Final = "credentials/<uuid:id>/"
API_CREDENTIAL: Final = "api/v1/credentials/<uuid:pk>/"
CREDENTIALS = [
    Row("GET", "credentials/", person()),
    Row("GET", "credentials/callback/", person()),  # an answer that was not asked for
    Row("GET", "credentials/new/<str:kind>/", person()),
    Row("POST", "credentials/new/<str:kind>/", person()),
    Row("GET", CREDENTIAL, role("viewer")),
    Row("POST", CREDENTIAL, role("editor")),
    Row("POST", CREDENTIAL + "test/", role("runner")),
    Row("POST", CREDENTIAL + "share/", role("owner"), {"group": "{groups}", "role": "viewer"}),
    Row("POST", CREDENTIAL + "give/", role("owner"), {"group": "{groups}"}),
    Row("POST", CREDENTIAL + "connect/", role("editor")),
    Row("POST", CREDENTIAL + "delete/", role("owner")),
    Row("GET", "api/v1/credentials/", person(scope="read")),
    Row(
        "POST",
        "api/v1/credentials/",
        person(scope="write"),
        {"name": "New", "kind": "bearer", "fields": {"token": "secret"}},
    ),
    Row("GET", API_CREDENTIAL, role("viewer", scope="read")),
    Row("PATCH", API_CREDENTIAL, role("editor", scope="write"), {"name": "Other"}),
    Row("DELETE", API_CREDENTIAL, role("owner", scope="write")),
    Row("POST", API_CREDENTIAL + "test/", role("runner", scope="run")),
]
OPERATION = [
    Row("GET", "metrics", {**everybody("nothing"), **dict.fromkeys(PEOPLE, "ok")}),  # people are on this machine here
]
TABLE = [*PAGES, *MONEY, *ACCOUNT, *API, *NOTIFICATIONS, *EVENTS, *TRIGGER_PAGES, *CREDENTIALS, *OPERATION]

#: The WebSockets, by route: who may watch.
SOCKETS: Mapping[str, Mapping[str, str]] = {
    "ws/executions/<uuid:id>/": role("viewer"),
    "ws/graphs/<int:id>/": role("viewer"),
}
#: Everything under these is for staff with permissions alone; Django and django-rq have many pages.
ADMINISTRATION = "admin/"
#: Those that lead to the login, or say nothing.
ADMINISTRATION_OPEN = frozenset({"admin/login/", "admin/logout/"})
