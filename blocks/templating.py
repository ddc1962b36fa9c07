"""Text templates in a sandbox with bounds: Jinja for data, not for programs.

A template is written by whoever may edit a graph, so it is hostile until proven otherwise. Attributes, filters and
methods come from short lists; every loop round, call, filter, comparison and piece of output costs from one budget of
steps and is checked against a deadline; no text may grow past a limit. Short templates run on the event loop; one that
needs more than some milliseconds starts again in a thread.
"""

import traceback
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from blocks.base import BlockError
from blocks.offload import offload
from blocks.template_filters import filters, shown, tests, words
from blocks.template_limits import OutOfTime, Refused, budget, given, pay, pay_deeply, put_out, refuse_long

MAX_SECONDS = 3.0
#: How long a template may hold the event loop before it moves to a thread.
INLINE_SECONDS = 0.02
#: Longer sources are compiled in a thread.
INLINE_SOURCE = 4_000
#: Whole numbers of more bits are not calculated with.
MAX_BITS = 4_096

_METHODS: Mapping[type, frozenset[str]] = {
    str: words(
        "capitalize casefold count endswith find index isalnum isalpha isdigit islower isnumeric isspace isupper lower "
        "lstrip partition removeprefix removesuffix rfind rpartition rsplit rstrip split splitlines startswith strip "
        "swapcase title upper"
    ),
    dict: words("get items keys values"),
    list: words("count index"),
}
_UNAVAILABLE = (nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include)


async def render(source: str, values: Mapping[str, Any]) -> str:
    """The template's text with the members of `values` as names.

    Raises:
        BlockError: the template is wrong, uses a name that does not exist, or does too much.
    """
    if len(source) > INLINE_SOURCE:
        await offload(_compile, source)
    try:
        return _render(source, values, INLINE_SECONDS)
    except OutOfTime:
        pass
    try:
        return await offload(_render, source, values, MAX_SECONDS)
    except OutOfTime:
        raise _failed(f"it takes longer than {MAX_SECONDS:g} seconds") from None


def _render(source: str, values: Mapping[str, Any], seconds: float) -> str:
    template = _compile(source)
    try:
        with budget(seconds):
            text = template.render({"values": values, **values})
        refuse_long(len(text))
    except OutOfTime:
        raise
    except RecursionError:
        raise _failed("it calls itself too deeply") from None
    except BlockError as error:
        raise _failed(error.message.rstrip("."), error) from None
    except Exception as error:  # noqa: BLE001 - any exception while rendering is a mistake in the template
        raise _failed(str(error).rstrip(".") or type(error).__name__, error) from None
    return text


def _failed(reason: str, error: Exception | None = None) -> BlockError:
    frames = traceback.extract_tb(error.__traceback__) if error else []
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == "<template>"), None)
    return BlockError(f"The template failed{f' in line {line}' if line else ''}: {reason}.", retry=False)


@lru_cache(maxsize=512)
def _compile(source: str) -> Template:
    try:
        tree = _Counting().visit(_environment.parse(source))
        code = _environment.compile(tree)
    except TemplateSyntaxError as error:
        raise BlockError(f"The template is wrong in line {error.lineno}: {error.message}", retry=False) from None
    except (TemplateError, SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise BlockError(f"The template cannot be read: {error}.", retry=False) from None
    return Template.from_code(_environment, code, _environment.make_globals(None))


class _Counting(NodeTransformer):
    """Makes every loop, comparison, join of texts and piece of output go through our counting functions."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        if isinstance(node, _UNAVAILABLE):
            raise TemplateSyntaxError("other templates cannot be loaded", node.lineno)
        return super().generic_visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja's naming
        self.generic_visit(node)
        node.iter = _filter(node.iter, "counted")
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _filter(node.expr, "weighed")
        for operand in node.ops:
            operand.expr = _filter(operand.expr, "weighed")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), "concat")

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Node:  # noqa: N802
        return nodes.Const(node.data, lineno=node.lineno)


def _filter(value: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(value, name, [], [], None, None, lineno=value.lineno)


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, narrowed to JSON values and with every operation counted."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A dict's member before its methods: `{{ order.items }}` is the data."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if obj is None or isinstance(obj, int | float):
            return False
        for kind, methods in _METHODS.items():
            if isinstance(obj, kind):
                return attr in methods
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        return None

    def call(__self, __context: Context, __obj: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call something; the double underscores keep keyword arguments free, as Jinja does it."""
        owner = getattr(__obj, "__self__", None)
        (pay_deeply if isinstance(owner, list) else pay)(owner, *args, *kwargs.values())
        return given(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        pay(left, right)
        _check_operands(operator, left, right)
        return given(super().call_binop(context, operator, left, right))


def _check_operands(operator: str, left: Any, right: Any) -> None:
    if isinstance(left, Undefined) or isinstance(right, Undefined):
        return
    numbers = [side for side in (left, right) if isinstance(side, int | float)]
    if len(numbers) == 2:
        bits = max((side.bit_length() for side in numbers if isinstance(side, int)), default=0)
        if bits > MAX_BITS or (operator == "**" and bits * abs(right) > MAX_BITS):
            raise Refused("a number in it is too large")
    elif operator != "+" or numbers:
        raise Refused(f"{shown(left)} {operator} {shown(right)} is not possible; join texts with ~")


@pass_context
def _finalize(context: Context, value: Any) -> str:  # the context keeps Jinja from folding at compile time
    return put_out(value)


def _make_environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        optimized=False,  # constants are computed while rendering, where they are counted
        cache_size=0,
    )
    environment.filters = filters(environment.filters)
    environment.tests = tests(environment.tests)  # type: ignore[assignment, arg-type]  # Jinja says "function" only
    del environment.globals["lipsum"]
    return environment


_environment = _make_environment()
