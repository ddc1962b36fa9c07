"""What models cost by the token: a file that comes with the product, and the rule by which a model's name finds its price."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

#: A day or "latest" behind a model's name is another edition of the same model.
_EDITION = re.compile(r"[-@](\d{4}-\d\d-\d\d|\d{8}|\d{4}|\d{3}|latest)$")


class Price(NamedTuple):
    """Dollars for a million tokens."""

    input: Decimal
    output: Decimal


#: By the model's name.
Prices = Mapping[str, Price]


@cache
def shipped_prices() -> Prices:
    """The prices in `prices.json`, as the providers publish them: {"model": [input, output], …}."""
    data = json.loads(Path(__file__).with_name("prices.json").read_text())
    return {model: Price(Decimal(given), Decimal(taken)) for model, (given, taken) in data.items()}


def price_of(model: str, prices: Prices) -> Price | None:
    """The price of `gpt-4o`, also for `gpt-4o-2024-08-06` and `openai/gpt-4o`; None: nobody knows it."""
    for name in (model, model.rpartition("/")[2]):
        for known in (name, _EDITION.sub("", name)):
            if known in prices:
                return prices[known]
    return None
