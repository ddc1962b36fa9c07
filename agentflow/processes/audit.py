"""Whether an installed package has a known vulnerability: `make check` asks, and fails if one has.

Without a service of advisories nobody can say: then one sentence tells so, and nothing fails.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

#: For each package that is asked about.
SECONDS = 10
NOT_ASKED = "Dependencies were not audited, because no service of advisories answered: {reason}"


def main(options: Sequence[str]) -> int:
    """The exit status: 1 if a package that is installed here has a known vulnerability."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format", "json"]
    command += ["--progress-spinner", "off", "--desc", "off", "--timeout", str(SECONDS), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip().splitlines()
        print(NOT_ASKED.format(reason=said[-1][:300] if said else f"exit status {done.returncode}"))  # noqa: T201
        return 0
    found = list(vulnerable(answer))
    print("\n".join(found) or f"{len(answer['dependencies'])} packages without known vulnerabilities")  # noqa: T201
    return 1 if found else 0


def vulnerable(answer: dict[str, Any]) -> Iterator[str]:
    """One line for each vulnerability of a package: which it is, and what mends it."""
    for package in answer["dependencies"]:
        for found in package.get("vulns", ()):
            mended = ", ".join(found["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']} has {found['id']}; mended in: {mended}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
