"""Run every benchmark: `python -m tests.benchmarks`, or those named: `python -m tests.benchmarks engine`."""

import pkgutil
import sys
from importlib import import_module
from pathlib import Path


def main(chosen: list[str]) -> None:
    """Each module of this folder prints its own table."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name != "__main__"]
    for name in chosen or names:
        sys.stdout.write(f"\n{name}\n")
        import_module(f"tests.benchmarks.{name}").main()


main(sys.argv[1:])
