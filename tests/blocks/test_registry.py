"""Blocks are found in modules and entry points; what fails disables itself and nothing else."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from blocks import registry as module
from blocks.base import Block, BlockContext, BlockInput, BlockOutput, Outputs, RunsIn
from blocks.registry import UnknownBlockError, configure, describe, load, registry


class Good(Block):
    """Does nothing much."""

    id = "mine.good"
    category = "Mine"

    class Input(BlockInput):
        text: str = "x"

    class Output(BlockOutput):
        text: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "text", input.text


@pytest.fixture
def third_party() -> Iterator[ModuleType]:
    """An importable module without blocks; the tests put some in."""
    made = ModuleType("third_party_blocks")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def put(into: ModuleType, **changes: Any) -> type[Block]:
    block = type(
        "Changed", (Good,), {"__module__": into.__name__, "__doc__": "Changed.", "id": "mine.changed", **changes}
    )
    into.Changed = block  # type: ignore[attr-defined]  # modules take any attribute
    return block


def test_a_module_of_the_installation_is_loaded(third_party: ModuleType) -> None:
    block = put(third_party)
    loaded = load(["third_party_blocks"])
    assert loaded.get("mine.changed") is block
    assert loaded.all()[-1] is block, "its category comes after ours"
    assert loaded.categories()[-1] == "Mine"


def test_a_module_that_does_not_import_is_disabled_with_the_reason() -> None:
    loaded = load(["no_such_module"])
    assert loaded.disabled == {"no_such_module": "ModuleNotFoundError: No module named 'no_such_module'"}
    assert loaded.find("text.split") is not None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "Nonsense"}, "family.name"),
        ({"category": ""}, "category"),
        ({"__doc__": None}, "docstring"),
        ({"Input": dict}, "BlockInput"),
        ({"effect": "sometimes"}, "effect"),
        ({"runs_in": RunsIn.THREAD}, "plain generator"),
        ({"run": lambda self, input, context: None}, "async generator"),
        ({"Output": type("Output", (BlockOutput,), {"__annotations__": {"error": str}})}, "exists on every block"),
        ({"id": "text.split"}, "taken by blocks.text.Split"),
        ({"open_inputs": True}, "extra="),
        ({"output_ports": classmethod(lambda cls, config: 1 / 0)}, "ZeroDivisionError"),
    ],
)
def test_an_unusable_block_is_disabled_with_the_reason(
    third_party: ModuleType, changes: dict[str, Any], reason: str
) -> None:
    put(third_party, **changes)
    loaded = load(["third_party_blocks"])
    assert reason in loaded.disabled["third_party_blocks.Changed"]
    assert loaded.get("text.split").__module__ == "blocks.text"


@pytest.mark.parametrize("target", ["third_party_blocks", "third_party_blocks:Changed"])
def test_entry_points_name_a_module_or_a_block(
    third_party: ModuleType, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = put(third_party)
    points = [EntryPoint("mine", target, module.ENTRY_POINTS), EntryPoint("bad", "nowhere:X", module.ENTRY_POINTS)]
    monkeypatch.setattr(module, "entry_points", lambda group: points)
    loaded = load()
    assert loaded.get("mine.changed") is block
    assert "nowhere:X" in loaded.disabled


def test_an_unknown_block_is_named() -> None:
    with pytest.raises(UnknownBlockError, match=r"no block “text\.nothing”"):
        registry().get("text.nothing")
    assert registry().find("text.nothing") is None


def test_the_registry_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_current", None)
    assert registry() is registry()
    assert configure(["no_such_module"]) is registry()
    assert "no_such_module" in registry().disabled


def test_a_described_block_has_the_members_of_the_catalogue() -> None:
    described = describe(load().get("text.split"))
    assert (described["id"], described["title"], described["category"]) == ("text.split", "Split", "Text")
    assert [port["kind"] for port in described["outputs"]] == ["value", "stream"]
    assert described["inputs"][1] == {
        "name": "separator",
        "title": "Separator",
        "description": "Where to cut; empty means at white space.",
        "kind": "value",
        "schema": {"type": "string"},
        "required": False,
        "default": ",",
    }
    assert described["config_schema"]["properties"]["separator"]["title"] == "Separator"
    assert (described["dynamic_inputs"], described["dynamic_outputs"]) == (False, False)
    assert describe(load().get("logic.switch"))["dynamic_outputs"]
