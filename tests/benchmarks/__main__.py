"""Figures of this machine: `python -m tests.benchmarks`, or only some tables and works: `… product chain fan`."""

import sys
from importlib import import_module

#: Modules of this folder that print a table.
TABLES = ("engine", "product")


def main(words: list[str]) -> None:
    """Print the tables that are named, or all; other words choose works of `product`."""
    chosen = [word for word in words if word in TABLES]
    for name in chosen or TABLES:
        sys.stdout.write(f"\n{name}\n")
        import_module(f"tests.benchmarks.{name}").main([word for word in words if word not in TABLES])


main(sys.argv[1:])
