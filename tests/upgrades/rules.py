"""What a migration must not do while workers of the release before still work: each problem names the way out.

The database of a new release is used by the processes of the release before until the last of them is replaced. So a
migration may only add what these need not know, and may only take away what these no longer use: that is what the
models of the release before say, not those of this one.
"""

from collections.abc import Iterator

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, RemoveIndexConcurrently
from django.db import connection
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState, StateApps
from django.db.models import Field, Model, UniqueConstraint

#: Apps whose tables grow with every run: locking one for as long as it takes to read it stops everything.
BIG_APPS = frozenset({"executions"})
HARMLESS = (
    operations.CreateModel,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AlterModelTableComment,
    operations.RenameIndex,
    operations.AlterConstraint,
    AddConstraintNotValid,
)
CONCURRENT = (AddIndexConcurrently, RemoveIndexConcurrently)

TWO_STEPS = (
    "Take it out of the models in this release (SeparateDatabaseAndState with state_operations only) and out of the "
    "database in the next one (database_operations only)"
)
REASON = "beside_previous_release"


def problems(migration: Migration, released: ProjectState, after: ProjectState) -> list[str]:
    """What is wrong with a migration of ours.

    Args:
        migration: one that the release before does not have.
        released: the models of the release before.
        after: the models after the migration.
    """
    judge = _Judge(migration, released.apps, after.apps)
    found = [problem for operation in migration.operations for problem in judge.judge(operation)]
    if not migration.atomic and len(migration.operations) > 1:
        found.append("A migration that is not atomic has one operation, so that it can be tried again. Split it")
    return [f"{migration}: {problem}." for problem in found]


class _Judge:
    def __init__(self, migration: Migration, released: StateApps, after: StateApps) -> None:
        self._app = migration.app_label
        self._is_big = self._app in BIG_APPS
        self._explains_itself = bool(getattr(migration, REASON, ""))
        self._released = released
        self._after = after

    def judge(self, operation: Operation) -> Iterator[str]:
        match operation:
            case operations.SeparateDatabaseAndState():
                for each in operation.database_operations:
                    yield from self.judge(each)
                for each in operation.state_operations:
                    yield from self._forgotten(each)
            case operations.DeleteModel():
                if self._model(operation.name):
                    yield f"the release before uses {operation.name}. {TWO_STEPS}"
            case operations.RenameModel():
                if self._model(operation.old_name):
                    yield f"the release before knows {operation.old_name} by that name. Keep it, or set db_table"
            case operations.AlterModelTable() | operations.AlterOrderWithRespectTo():
                if self._model(operation.name):
                    yield f"the release before knows the table of {operation.name} as it is. Keep it"
            case operations.AlterUniqueTogether() | operations.AlterIndexTogether():
                if self._model(operation.name):
                    yield "it locks the table. Use constraints and concurrent indexes"
            case operations.AddField():
                yield from self._added(operation)
            case operations.RemoveField():
                if self._field(operation.model_name, operation.name):
                    yield f"the release before uses {operation.model_name}.{operation.name}. {TWO_STEPS}"
            case operations.RenameField():
                old = self._field(operation.model_name, operation.old_name)
                if old is not None and not old.db_column:
                    name = f"{operation.model_name}.{operation.old_name}"
                    yield f"the release before uses {name}. Set db_column, or add a new column and fill both"
            case operations.AlterField():
                yield from self._altered(operation)
            case operations.AddIndex() | operations.RemoveIndex():
                if self._is_big and self._model(operation.model_name) and not isinstance(operation, CONCURRENT):
                    yield (
                        f"it locks {operation.model_name}, which is big, for as long as it takes. Use "
                        "AddIndexConcurrently or RemoveIndexConcurrently in a migration of its own with atomic = False"
                    )
            case operations.RemoveConstraint():
                yield from self._unconstrained(operation)
            case AddConstraintNotValid():
                pass
            case operations.AddConstraint():
                if self._model(operation.model_name):
                    yield (
                        f"it reads all of {operation.model_name} under a lock, and what the release before writes may "
                        "break it. For a CheckConstraint that the release before keeps use AddConstraintNotValid, then "
                        "ValidateConstraint; for a UniqueConstraint make the index concurrently"
                    )
            case _ if not isinstance(operation, HARMLESS) and not self._explains_itself:
                yield (
                    f"nobody can tell what {type(operation).__name__} does to the release before. Say in the class "
                    f'why it is safe: {REASON} = "…"'
                )

    def _added(self, operation: operations.AddField) -> Iterator[str]:
        field = operation.field
        name = f"{operation.model_name}.{operation.name}"
        if self._model(operation.model_name) is None or field.many_to_many:
            return
        if not (field.null or field.has_db_default()):
            yield f"the release before adds rows without {name}. Give it a db_default, or null=True"
        if self._is_big and (_has_index(field) or field.unique):
            yield (
                f"the index of {name} is made under a lock. Use db_index=False (for a foreign key too) and "
                "AddIndexConcurrently in the next migration"
            )

    def _altered(self, operation: operations.AlterField) -> Iterator[str]:
        name = f"{operation.model_name}.{operation.name}"
        old = self._field(operation.model_name, operation.name)
        if old is None:
            return
        new = self._after.get_model(self._app, operation.model_name)._meta.get_field(operation.name)
        assert isinstance(new, Field)
        if old.null and not new.null:
            yield (
                f"the release before may write null into {name}. Stop that in this release (state_operations only) "
                "and make it NOT NULL in the next one"
            )
        if not _takes_all(new, old) or new.column != old.column:
            yield f"the release before knows {name} as it is. Add a new column, fill both, and drop the old one later"
        if old.has_db_default() and not new.has_db_default() and not new.null:
            yield f"the release before may leave {name} to the database. Keep its db_default for one release"
        if new.unique and not old.unique:
            yield f"the release before may write {name} twice, and the index is made under a lock. Keep it"
        elif self._is_big and _has_index(new) and not _has_index(old):
            yield f"the index of {name} is made under a lock. Use AddIndexConcurrently"

    def _forgotten(self, operation: Operation) -> Iterator[str]:
        """A column that only the models lose is left out of what this release adds."""
        if isinstance(operation, operations.RemoveField):
            old = self._field(operation.model_name, operation.name)
            if old is not None and not (old.null or old.has_db_default()):
                yield (
                    f"this release adds rows without {operation.model_name}.{operation.name}, which may not be null. "
                    "Give it a db_default first (AlterField, in the same migration)"
                )

    def _unconstrained(self, operation: operations.RemoveConstraint) -> Iterator[str]:
        model = self._model(operation.model_name)
        names = {each.name for each in model._meta.constraints if isinstance(each, UniqueConstraint)} if model else ()
        if operation.name in names:
            yield f"the release before relies on {operation.name} (ON CONFLICT, look-ups). {TWO_STEPS}"

    def _model(self, name: str) -> type[Model] | None:
        """The model as the release before has it."""
        try:
            return self._released.get_model(self._app, name)
        except LookupError:
            return None

    def _field(self, model: str, name: str) -> "Field | None":
        """The field as the release before has it."""
        found = self._model(model)
        fields = {field.name: field for field in found._meta.local_fields} if found else {}
        return fields.get(name)


def _has_index(field: "Field") -> bool:
    return bool(getattr(field, "db_index", False))


def _takes_all(new: "Field", old: "Field") -> bool:
    """Whether the changed column still takes every value of the old one, without being written anew."""
    types = (old.db_type(connection), new.db_type(connection))
    if types[0] == types[1]:
        return True
    if all(str(each).startswith(("varchar", "text")) for each in types):
        return new.max_length is None or (old.max_length is not None and new.max_length >= old.max_length)
    return False
