"""Every migration that the release before does not have can be applied while its workers still work."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import models
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    CreateModel,
    DeleteModel,
    RemoveConstraint,
    RemoveField,
    RenameField,
    RenameModel,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.upgrades import previous
from tests.upgrades.rules import problems

OURS = ("agentflow.", "executions.")
RELEASED = previous.migrations()


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


@pytest.fixture(scope="module")
def released(loader: MigrationLoader) -> ProjectState:
    """The models of the release before; other apps are as they are now."""
    return loader.project_state(
        [
            key
            for key, migration in loader.graph.nodes.items()
            if key in RELEASED or not migration.__module__.startswith(OURS)
        ]
    )


def test_migrations_leave_room_for_the_release_before(loader: MigrationLoader, released: ProjectState):
    new = [
        migration
        for key, migration in loader.graph.nodes.items()
        if key not in RELEASED and migration.__module__.startswith(OURS)
    ]
    found = [
        problem
        for migration in new
        for problem in problems(migration, released, loader.project_state((migration.app_label, migration.name)))
    ]
    assert not found, f"Beside release {previous.release()} (docs/decisions/0009): " + "\n".join(found)


@pytest.mark.parametrize(("app", "name"), sorted(RELEASED))
def test_released_migration_is_as_it_was_released(loader: MigrationLoader, app: str, name: str):
    migration = loader.graph.nodes[app, name]
    source = Path(str(sys.modules[migration.__module__].__file__)).read_text()
    assert ast.dump(ast.parse(source)) == ast.dump(ast.parse(RELEASED[app, name]))


def judged(released: ProjectState, *operations: Operation, **attributes: Any) -> list[str]:
    """What the rules say of a migration of executions."""
    kind = type("Migration", (Migration,), {"operations": list(operations), **attributes})
    migration = kind("0100_test", "executions")
    after = migration.mutate_state(released)
    return problems(migration, released, after)


TEXT = models.TextField()
INDEX = models.Index(fields=["trigger"], name="execution_trigger")
CHECK = models.CheckConstraint(condition=models.Q(seq__gte=0), name="execution_seq")
UNIQUE = models.UniqueConstraint(fields=["trigger"], name="execution_trigger_once")


BREAKING: list[tuple[Operation, str]] = [
    (RemoveField("execution", "trigger"), "release before uses execution.trigger. Take it out of the models"),
    (DeleteModel("NodeJob"), "release before uses NodeJob"),
    (RenameField("execution", "trigger", "cause"), "release before uses execution.trigger. Set db_column"),
    (RenameModel("Execution", "Run"), "knows Execution by that name"),
    (AddField("execution", "colour", TEXT), "adds rows without execution.colour. Give it a db_default"),
    (
        AddField("execution", "colour", models.TextField(default="red")),
        "adds rows without execution.colour. Give it a db_default",
    ),
    (
        AddField("execution", "colour", models.TextField(null=True, db_index=True)),
        "index of execution.colour is made under a lock",
    ),
    (
        AddField("execution", "blob", models.ForeignKey("executions.Blob", models.PROTECT, null=True)),
        "index of execution.blob is made under a lock",
    ),
    (AlterField("execution", "wake_at", models.DateTimeField()), "may write null into execution.wake_at"),
    (AlterField("execution", "trigger", models.CharField(max_length=5)), "knows execution.trigger as it is"),
    (AlterField("execution", "seq", models.TextField()), "knows execution.seq as it is"),
    (AlterField("execution", "depth", models.PositiveSmallIntegerField(default=0)), "Keep its db_default"),
    (AlterField("execution", "batch", models.UUIDField(null=True, unique=True)), "write execution.batch twice"),
    (AddIndex("execution", INDEX), "Use AddIndexConcurrently"),
    (AddConstraint("execution", CHECK), "use AddConstraintNotValid"),
    (AddConstraint("execution", UNIQUE), "make the index concurrently"),
    (RemoveConstraint("nodeexecution", "node_execution_once"), "relies on node_execution_once"),
    (RunSQL("SELECT 1"), "nobody can tell what RunSQL does"),
    (RunPython(RunPython.noop), 'beside_previous_release = "…"'),
    (
        SeparateDatabaseAndState(state_operations=[RemoveField("execution", "trigger")]),
        "adds rows without execution.trigger, which may not be null",
    ),
    (SeparateDatabaseAndState([RunSQL("DROP TABLE x")]), "nobody can tell what RunSQL does"),
]


@pytest.mark.parametrize(
    ("operation", "said"),
    BREAKING,
    ids=[f"{number} {operation.describe()}" for number, (operation, _) in enumerate(BREAKING)],
)
def test_what_would_break_the_release_before_is_found(released: ProjectState, operation: Operation, said: str):
    (problem,) = judged(released, operation)
    assert said in problem
    assert problem.startswith("executions.0100_test: ")


ALLOWED: dict[str, list[Operation]] = {
    "a new table": [CreateModel("Note", [("id", models.BigAutoField(primary_key=True)), ("text", TEXT)])],
    "changes of a new table": [
        CreateModel("Note", [("id", models.BigAutoField(primary_key=True))]),
        AddField("note", "text", TEXT),
        AddIndex("note", models.Index(fields=["text"], name="note_text")),
        RemoveField("note", "text"),
    ],
    "a column that may be null": [AddField("execution", "colour", models.TextField(null=True))],
    "a column with a default": [AddField("execution", "colour", models.TextField(default="red", db_default="red"))],
    "a longer text": [AlterField("execution", "trigger", models.CharField(default="manual", max_length=50))],
    "a default": [AlterField("execution", "seq", models.PositiveBigIntegerField(db_default=0, default=0))],
    "a constraint of new rows": [AddConstraintNotValid("execution", CHECK)],
    "a column that only the models lose": [
        SeparateDatabaseAndState(state_operations=[RemoveField("execution", "wake_at")])
    ],
}


@pytest.mark.parametrize("operations", ALLOWED.values(), ids=ALLOWED)
def test_what_the_release_before_does_not_notice_is_allowed(released: ProjectState, operations: list[Operation]):
    assert judged(released, *operations) == []


def test_column_that_the_release_before_has_forgotten_may_go(released: ProjectState):
    forgotten = released.clone()
    forgotten.remove_field("executions", "execution", "wake_at")
    removed = SeparateDatabaseAndState([RemoveField("execution", "wake_at")])
    assert judged(forgotten, removed) == []


def test_concurrent_index_has_a_migration_of_its_own(released: ProjectState):
    add = AddIndexConcurrently("execution", INDEX)
    assert judged(released, add, atomic=False) == []
    (problem,) = judged(released, add, AddField("execution", "colour", models.TextField(null=True)), atomic=False)
    assert "one operation, so that it can be tried again" in problem


def test_what_nobody_can_judge_explains_itself(released: ProjectState):
    assert judged(released, RunSQL("SELECT 1"), beside_previous_release="It only reads.") == []
