"""Templates write values as JSON, say what is wrong, and stay within their bounds whatever they try."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks import templating
from blocks.base import BlockError
from blocks.template_limits import MAX_TEXT
from blocks.templating import render
from blocks.values import to_json

VALUES: dict[str, Any] = {
    "name": "Ada",
    "order": {"items": [1, 2.5], "count": 3, "keys": "mine"},
    "rows": [{"a": 0.1, "k": "p"}, {"a": 0.2, "k": "q"}, {"a": 3, "k": "p"}],
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("plain\n", "plain\n"),
        ("Hello {{ name }}!", "Hello Ada!"),
        ("{{ order.items }} {{ order['count'] }} {{ order.keys }}", "[1,2.5] 3 mine"),
        ("{{ none }} {{ true }} {{ 1.0 }} {{ 'x' }}", "null true 1.0 x"),
        ("{{ values.name }}", "Ada"),
        (
            "{% for r in rows %}\n- {{ loop.index }}/{{ loop.length }} {{ r.k }}\n{% endfor %}\n",
            "- 1/3 p\n- 2/3 q\n- 3/3 p\n",
        ),
        ("{% for x in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for x in range(3) if x != 1 %}{{ x }}{% endfor %}", "02"),
        ("{{ rows | sum(attribute='a') }} {{ rows | map(attribute='k') | join('-') }}", "3.3 p-q-p"),
        ("{% for k, v in rows | groupby('k') %}{{ k }}{{ v | length }} {% endfor %}", "p2 q1 "),
        ("{{ (rows | sort(attribute='a', reverse=true))[0].k }} {{ rows[:1] }}", 'p [{"a":0.1,"k":"p"}]'),
        ("{{ 1234.565 | number }} {{ 7 | number(0) }} {{ 2.675 | round(2) }}", "1,234.57 7 2.68"),
        ("{{ gone | default('there') }} {{ gone is defined }}", "there false"),
        ("{{ 'a' ~ 1 ~ none }} {{ 'a' + 'b' }} {{ 7 % 4 }} {{ 2 ** 10 }}", "a1null ab 3 1024"),
        ("{{ name.upper() }} {{ 'a,b'.split(',') | last }}", "ADA b"),
        ("{{ 'aXb' | replace('X', '--') }} {{ 'a\\nb' | indent(2, true) }}", "a--b   a\n  b"),
        ("{{ '<b>' | e }} {{ [1] | tojson }} {{ 'x' | center(3) }}", "&lt;b&gt; [1]  x "),
        ("{% set ns = namespace(n=0) %}{% for r in rows %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "3"),
        ("{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(1) }}{{ m('a') }}", "[1][a]"),
    ],
)
async def test_what_templates_write(source: str, text: str) -> None:
    assert await render(source, VALUES) == text


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63), st.lists, max_leaves=8))
async def test_every_value_is_written_as_json(value: Any) -> None:
    assert await render("{{ value }}", {"value": value}) == to_json(value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\n{{ nmae }}", "line 2: 'nmae' is undefined"),
        ("{{ order.nothing }}", "no attribute 'nothing'"),
        ("{{ rows[9] }}", "no element 9"),
        ("{% for %}", "wrong in line 1"),
        ("{{ name", "wrong in line 1"),
        ("{{ name | nofilter }}", "No filter named 'nofilter'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 'a' + 1 }}", "join texts with ~"),
        ("{{ name | sum }}", '"A" is not a number'),
        ("{% for x in 5 %}{% endfor %}", "5 is no list"),
        ("{{ name.upper }}", "call it with"),
        ("{% include 'x' %}", "cannot be loaded"),
        ("{% import 'x' as x %}", "cannot be loaded"),
        ("{% extends 'x' %}", "cannot be loaded"),
        ("{{ '(' }}" + "{{ (" * 2_000, "template"),
    ],
)
async def test_a_mistake_is_named(source: str, message: str) -> None:
    with pytest.raises(BlockError) as caught:
        await render(source, VALUES)
    assert message in caught.value.message
    assert not caught.value.retry


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ name['__class__'] }}",
        "{{ (1).real }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{0.__class__}' | format(1) }}",
        "{{ 'x'.format_map({}) }}",
        "{{ '%s' % 1 }}",
        "{{ name | attr('__class__') }}",
        "{{ rows | map(attribute='__class__') | list }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ range.__class__ }}",
        "{{ (name.upper).__self__ }}",
        "{{ rows.append(1) }}",
        "{{ order.update(a=1) }}",
        "{{ order.pop('a') }}",
        "{{ lipsum() }}",
        "{{ joiner.__globals__ }}",
        "{{ namespace.__init__.__globals__['os'] }}",
        "{% set order.count = 5 %}",
    ],
)
async def test_nothing_but_data_can_be_reached(source: str) -> None:
    before = to_json(VALUES)
    with pytest.raises(BlockError):
        await render(source, VALUES)
    assert to_json(VALUES) == before


#: Lists of 65,536 times the same large text: small in memory, huge when written or compared.
SHARED = (
    "{% set ns = namespace(l=[a], m=[b]) %}"
    "{% for i in range(16) %}{% set ns.l = ns.l + ns.l %}{% set ns.m = ns.m + ns.m %}{% endfor %}"
)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**9 }}",
        "{{ [0] * 10**9 }}",
        "{{ 9**9**9 }}",
        "{{ 2 ** (10 ** 8) }}",
        "{{ 'x' | center(10**9) }}",
        "{{ 'x' | ljust(10**9) }}",
        "{{ 'x' | indent(10**9) }}",
        "{{ 1 | round(10**9) }}",
        "{{ 1.5 | number(10**9) }}",
        "{{ 'x'.zfill(10**9) }}",
        "{{ 'x'.ljust(10**9) }}",
        "{{ range(10**9) | list }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) if false %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[0]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='xx') %}{% for i in range(9) %}{% set ns.s = ns.s | replace('x', ns.s) %}{% endfor %}",
        "{% set ns = namespace(s='xx') %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] | join %}{% endfor %}",
        "{% set ns = namespace(n=9) %}{% for i in range(60) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        (
            "{% macro f(s) %}{{ s }}{{ s }}{% endmacro %}{% set ns = namespace(s='x') %}"
            "{% for i in range(60) %}{% set ns.s = f(ns.s) %}{% endfor %}"
        ),
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% for i in range(99999) %}" + "x" * 1_000 + "{% endfor %}",
        "{% set s %}{% for i in range(99999) %}" + "x" * 1_000 + "{% endfor %}{% endset %}",
        "{% for i in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
        SHARED + "{{ ns.l }}",
        SHARED + "{{ ns.l | tojson }}",
        SHARED + "{{ ns.l | join }}",
        SHARED + "{{ ns.l ~ ns.l }}",
        SHARED + "{{ ns.l - 1 }}",
        SHARED + "{{ ns.l == ns.m }}",
        SHARED + "{{ ns.l < ns.m }}",
        SHARED + "{{ ns.l is eq ns.m }}",
        SHARED + "{{ [ns.l] | select('==', ns.m) | list }}",
        SHARED + "{{ 'x' in [ns.l] }}{{ [ns.l].count(ns.m) }}",
        SHARED + "{{ (ns.l + ns.m) | sort }}",
        SHARED + "{{ (ns.l + ns.m) | max | length }}{{ (ns.l + ns.m) | unique | list }}",
        SHARED + "{{ ns.l | map('upper') | list | length }}",
        SHARED + "{% for x in ns.l %}{% set ns.m = ns.m + [x.upper()] %}{% endfor %}",
        SHARED + "{% for x in ns.l %}{% set ns.m = ns.m + [x.split('x')] %}{% endfor %}",
        "{{ a" + " ~ a" * 2_000 + " }}",
        "{% for i in range(99999) %}{{ range(99999) | list | sort | unique | list | length }}{% endfor %}",
    ],
)
async def test_every_template_ends_soon(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templating, "MAX_SECONDS", 0.2)
    started = time.monotonic()
    large = {"a": "x" * 3_000_000, "b": "x" * 2_999_999 + "x"}
    with pytest.raises(BlockError) as caught:
        await render(source, {**VALUES, **large})
    assert not caught.value.retry
    assert time.monotonic() - started < 5


async def test_a_long_template_leaves_the_event_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templating, "MAX_SECONDS", 60.0)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.001)
            beats += 1

    heart = asyncio.ensure_future(beat())
    await render("{% for i in range(90000) %}{{ i }}{% endfor %}", {})
    heart.cancel()
    assert beats > 3


async def test_a_text_may_be_as_long_as_the_limit() -> None:
    assert len(await render("{{ text }}", {"text": "x" * MAX_TEXT})) == MAX_TEXT
    with pytest.raises(BlockError, match="more than 5,000,000 characters"):
        await render("{{ text }}!", {"text": "x" * MAX_TEXT})


def test_without_an_event_loop_it_renders_in_place() -> None:
    """A simulation drives blocks by hand; a slow template must not need a loop there."""
    with pytest.raises(StopIteration) as done:
        render("{% for i in range(90000) %}{{ i % 2 }}{% endfor %}", {}).send(None)
    assert len(done.value.value) == 90_000
