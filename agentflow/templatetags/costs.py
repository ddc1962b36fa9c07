"""How pages show money and large numbers."""

from decimal import Decimal

from django import template

register = template.Library()

UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k"))


@register.filter
def dollars(amount: Decimal) -> str:
    """$12.30; below a dollar as many digits as say something: $0.0042."""
    if not amount or amount >= 1:
        return f"${amount:,.2f}"
    text = f"{amount:.6f}".rstrip("0")
    return f"${text:0<4}"


@register.filter
def short(number: int) -> str:
    """1,284, then 12.8k, 3.4M."""
    for size, unit in UNITS:
        if number >= size:
            return f"{number / min(size, 1_000 if unit == 'k' else size):,.1f}{unit}"
    return f"{number:,}"
