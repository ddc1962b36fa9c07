"""Every block on inputs of every kind: it gives JSON, or says in words why not; it never fails as a bug would."""

import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blocks.base import Block, BlockError, Example
from blocks.registry import load
from executions.values import encode
from tests.blocks.context import FakeContext, run
from tests.hostile.bad import broken, nested, settled, texts

#: What can travel on a link; the rest is refused before.
VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, -0.0, 1e308, 5e-324, 2**63, 2**64, 10**30, 10**400, [], {}, [[]], {"": None}),
    *(nested(50), nested(200), nested(200, "dict"), [0] * 1_000, {str(number): number for number in range(300)}),
    *({"__proto__": 1}, [None, True, "1", 1, 1.0], [{"a": 1}, {"b": 2}], list("abc")),
    *("(a+)+$", "((a{1,99}){1,99}){1,99}", "(?R)", r"\p{L}(?<=a+)", "a" * 40 + "!", "[" * 100_000, "(" * 500),
    *("{{ ''.__class__.__mro__ }}", "{% for a in range(10**9) %}x{% endfor %}", "{{ 'a' * 10**9 }}", "{{ 9**9**9 }}"),
    *("{% set x = namespace() %}{{ x.__init__.__globals__ }}", "{{ [].append.__self__ }}", "{% raw %}", "{{"),
    *("{{ values | map(attribute='__class__') | list }}", "{{ lipsum.__globals__ }}", "{{ '%999999999d' % 1 }}"),
    *(
        "{{ '{:>999999999}'.format(1) }}",
        "{{ ['ab' * 1000] * 1000 | join }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ),
    *(
        "a" * 100_000,
        '"' * 100_001,
        "a,b\n" * 20_000,
        ",\n" * 20_000,
        '"a\n' * 1_000,
        "\r\r\n",
        "1e5,١\n",
        "=cmd|' /C'!A0",
    ),
    *("9" * 5_000, "2026-02-30", "Etc/../../etc/passwd", "http://[", "http://a@127.0.0.1:99999/", "file:///etc/passwd"),
    *(
        "9**9**9",
        "(" * 200 + "1" + ")" * 200,
        "1/0",
        "__import__('os')",
        "1e999*0",
        "a.b.c",
        "10**400 % 7",
        "x" * 5_000,
    ),
]
storable = texts.filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text))
values = st.sampled_from(VALUES) | storable
BLOCKS = load().all()
#: A block may think about one input for so long.
SECONDS = 30.0


def is_json(value: Any) -> bool:
    """Whether it can travel on a link; the executor refuses the rest in words."""
    try:
        encode(value)
    except BlockError as error:
        assert error.message
        return False
    return True


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.id)
@given(data=st.data())
@settled(25)
async def test_a_block_gives_json_or_says_why_not(block: type[Block], data: st.DataObject) -> None:
    fields = st.sampled_from([*block.Input.model_fields, "x"])
    example: Example = data.draw(st.sampled_from(block.examples))
    given: Any = {**example.input, **data.draw(st.dictionaries(fields, values, max_size=2))}
    may_break: bool = bool(example.input) and data.draw(st.sampled_from([False, True]))
    if may_break:
        given = data.draw(broken(given))
    assume(is_json(given))
    graphs = {number: lambda inputs: {"accumulator": inputs.get("item")} for number in (1, 2)}
    context = FakeContext(execution_inputs=example.execution_inputs, indices=example.indices, graphs=graphs)
    started = time.monotonic()
    try:
        outputs = await run(block, given, context)
    except BlockError as error:
        assert error.message
    else:
        for value in outputs.values():
            is_json(value)
    assert time.monotonic() - started < SECONDS
