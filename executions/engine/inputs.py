"""A run's input: the node's config, overridden by the values that arrived."""

from collections.abc import Iterable, Mapping
from typing import Any

from blocks.base import PortKind
from blocks.types import ConversionError, shown
from executions.engine.commands import Arrival
from executions.engine.tables import NodePlan, SlotPlan


class InputError(Exception):
    """A value does not fit its port; the message names both."""

    def __init__(self, port: str, message: str) -> None:
        super().__init__(f"“{port}”: {message}")
        self.port = port
        self.message = message


def assemble(node: NodePlan, arrivals: Iterable[Arrival]) -> dict[str, Any]:
    """Input by port: links to a whole port override config, links to its members override both.

    Values are the ones that arrived, converted where the port needs it; only the containers that get members are new.

    Raises:
        InputError: a value that the port cannot take.
    """
    values: dict[str, Any] = dict(node.config)
    by_slot: dict[int, list[Any]] = {}
    targets = {link.index: link for link in node.links_in}
    for arrival in arrivals:
        link = targets[arrival.link]
        try:
            value = link.target.convert(arrival.value)
        except ConversionError as error:
            raise InputError(_name(node.slots[link.slot]), str(error)) from error
        by_slot.setdefault(link.slot, []).append(value)
    members: dict[str, dict[str, Any]] = {}
    keyed = {slot.port for slot in node.slots if slot.keyed}
    for number, slot in enumerate(node.slots):
        if slot.kind in (PortKind.COLLECT, PortKind.GATHER):
            values[slot.port] = by_slot.get(number, [])
        elif number in by_slot and slot.member:
            members.setdefault(slot.port, {})[slot.member] = by_slot[number][0]
        elif number in by_slot:
            values[slot.port] = by_slot[number][0]
    for port, given in members.items():
        base = values.get(port)
        values[port] = _with_members(port, {} if base is None and port in keyed else base, given)
    return values


def _name(slot: SlotPlan) -> str:
    return f"{slot.port}.{slot.member}" if slot.member else slot.port


def _with_members(port: str, base: Any, members: Mapping[str, Any]) -> dict[str, Any] | list[Any]:
    """The dict or list with these members set; gaps in a list are null."""
    if isinstance(base, dict):
        return {**base, **members}
    if base is not None and not isinstance(base, list):
        raise InputError(port, f"{shown(base)} has no members to set")
    if base is None and not all(member.isdecimal() for member in members):
        return dict(members)
    items = list(base or ())
    for member, value in members.items():
        if not member.isdecimal():
            raise InputError(port, f"“{member}” is no index of a list")
        items += [None] * (int(member) + 1 - len(items))
        items[int(member)] = value
    return items
