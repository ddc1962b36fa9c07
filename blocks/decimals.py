"""Arithmetic on JSON numbers as people write them: 0.1 + 0.2 is 0.3, and nothing overflows silently."""

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException, localcontext

from blocks.base import BlockError
from blocks.values import MAX_INTEGER, MIN_INTEGER, show

#: Enough digits that the nearest float of a result is the nearest float of the exact one.
_CONTEXT = Context(prec=60)
#: Whole powers of more bits than this are not even tried.
_MAX_BITS = 4_096

JsonNumber = int | float


def exact(number: JsonNumber) -> Decimal:
    """The decimal that the number is written as."""
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def add(a: JsonNumber, b: JsonNumber) -> JsonNumber:
    """Sum; of whole numbers a whole one."""
    return _checked(a + b) if _whole(a, b) else _float(exact(a) + exact(b))


def subtract(a: JsonNumber, b: JsonNumber) -> JsonNumber:
    """Difference; of whole numbers a whole one."""
    return _checked(a - b) if _whole(a, b) else _float(exact(a) - exact(b))


def multiply(a: JsonNumber, b: JsonNumber) -> JsonNumber:
    """Product; of whole numbers a whole one."""
    return _checked(a * b) if _whole(a, b) else _float(exact(a) * exact(b))


def divide(a: JsonNumber, b: JsonNumber) -> JsonNumber:
    """Quotient; a whole number when whole numbers divide without rest."""
    _refuse_zero(a, b)
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return _checked(a // b)
    return _float(exact(a) / exact(b))


def modulo(a: JsonNumber, b: JsonNumber) -> JsonNumber:
    """Rest of a division, with the sign of the divisor: -7 modulo 3 is 2."""
    _refuse_zero(a, b)
    if _whole(a, b):
        return _checked(a % b)
    rest = exact(a) % exact(b)
    return _float(rest + exact(b) if rest and (rest < 0) != (b < 0) else rest)


def power(a: JsonNumber, b: JsonNumber) -> JsonNumber:
    """A to the power of b; whole numbers with b from 0 give a whole one."""
    if a == 0 and b < 0:
        raise BlockError(f"0 to the power of {b} is a division by zero.", retry=False)
    if a < 0 and not float(b).is_integer():
        raise BlockError(f"{a} to the power of {b} is no real number.", retry=False)
    if isinstance(a, int) and isinstance(b, int) and b >= 0:
        if abs(a) > 1 and a.bit_length() * b > _MAX_BITS:
            raise _too_large()
        return _checked(a**b)
    return _float(exact(a) ** exact(b))


OPERATIONS: Mapping[str, Callable[[JsonNumber, JsonNumber], JsonNumber]] = {
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "power": power,
    "modulo": modulo,
    "min": min,
    "max": max,
}


def calculate(operation: str, a: JsonNumber, b: JsonNumber) -> JsonNumber:
    """The operation's result.

    Raises:
        BlockError: a division by zero, or a result that no JSON number can hold.
    """
    try:
        with localcontext(_CONTEXT):
            return OPERATIONS[operation](a, b)
    except (DecimalException, OverflowError):
        raise _too_large() from None


def total(numbers: Iterable[JsonNumber]) -> JsonNumber:
    """Sum of many numbers, exact as decimals; 0 of none."""
    whole, fraction, is_float = 0, Decimal(0), False
    with localcontext(_CONTEXT):
        for number in numbers:
            if isinstance(number, int):
                whole += number
            else:
                fraction, is_float = fraction + exact(number), True
        return _float(fraction + whole) if is_float else _checked(whole)


def rounded(number: JsonNumber, decimals: int) -> JsonNumber:
    """The number with at most so many decimals, halves away from zero: 2.675 is 2.68."""
    if isinstance(number, int):
        return number
    with localcontext(Context(prec=400)):
        return _float(exact(number).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def _whole(a: JsonNumber, b: JsonNumber) -> bool:
    return isinstance(a, int) and isinstance(b, int)


def _checked(number: JsonNumber) -> JsonNumber:
    if not MIN_INTEGER <= number <= MAX_INTEGER:
        raise _too_large()
    return number


def _float(number: Decimal) -> float:
    result = float(number)
    if not math.isfinite(result):
        raise _too_large()
    return result


def _refuse_zero(a: JsonNumber, b: JsonNumber) -> None:
    if b == 0:
        raise BlockError(f"Cannot divide {show(a)} by zero.", retry=False)


def _too_large() -> BlockError:
    return BlockError("The result is too large for a number.", retry=False)
