"""Make the virtual environment and install a lock file into it; runs on a bare Python, before anything is installed.

`python3 -I agentflow/processes/install.py requirements.lock` does nothing when that lock file is installed already.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
#: The lock file that pins uv itself.
TOOLS_LOCK = ROOT / "requirements-dev.lock"
PACKAGES = ("agentflow", "blocks", "executions")
STARTED = time.monotonic()


def main(lock_name: str) -> int:
    """Install; the exit code."""
    lock = ROOT / lock_name
    stamp = VENV / lock_name
    try:
        if not (_works() and stamp.exists() and stamp.read_bytes() == lock.read_bytes()):
            _make_venv()
            _install(lock)
            stamp.write_bytes(lock.read_bytes())
        _compile_ours()
    except (subprocess.CalledProcessError, InstallError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


class InstallError(Exception):
    """One sentence for the person who ran make."""


def _step(text: str) -> None:
    sys.stdout.write(f"[{time.monotonic() - STARTED:5.1f} s] {text}\n")
    sys.stdout.flush()


def _works() -> bool:
    """Whether the virtual environment's Python runs: it may be missing, moved, or of a Python that is gone."""
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], capture_output=True, check=False).returncode == 0


def _make_venv() -> None:
    if _works():
        return
    if sys.version_info < OLDEST:
        raise InstallError(
            f"agentflow needs Python {OLDEST[0]}.{OLDEST[1]} or newer, this is {sys.version.split()[0]}; "
            "name a newer one: make PYTHON=python3.12 up"
        )
    _step("Making the virtual environment .venv")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True, check=False)
    if made.returncode:
        if "ensurepip" in made.stdout + made.stderr:
            raise InstallError(
                "Python's venv module is missing: install the package python3-venv, then run make again."
            )
        raise InstallError(f"The virtual environment could not be made: {(made.stderr or made.stdout).strip()}")


def _install(lock: Path) -> None:
    packages = sum(not line.startswith(" ") for line in lock.read_text().splitlines())
    if _has_uv():
        _step(f"Installing the {packages} packages of {lock.name}")
        if _run("uv", "pip", "install", "--python", PYTHON, "--require-hashes", "--compile-bytecode", "-qr", lock):
            return
    _step(f"Installing the {packages} packages of {lock.name} with pip; this takes about a minute")
    if not _run("python", "-m", "pip", "install", "--require-hashes", "--compile", "--quiet", "-r", lock):
        raise InstallError("The packages could not be installed; the lines above say why.")


def _has_uv() -> bool:
    """Install uv, pinned by our lock file; it is several times as fast as pip. Not every machine has a wheel of it."""
    if (VENV / "bin" / "uv").exists():
        return True
    _step("Installing uv")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pinned:
        pinned.write(_pinned("uv"))
        pinned.flush()
        return _run(
            "python", "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:", "--quiet", "-r", pinned.name
        )


def _pinned(name: str) -> str:
    """The lines of our lock file that pin a package."""
    _, found, rest = f"\n{TOOLS_LOCK.read_text()}".partition(f"\n{name}==")
    lines = rest.split("\n")
    last = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
    return f"{found.strip()}{chr(10).join(lines[: last + 1])}\n"


def _run(program: str, *arguments: str | Path) -> bool:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_PROGRESS": "1"}
    command = [VENV / "bin" / program, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def _compile_ours() -> None:
    """Bytecode of our own packages: with PYTHONDONTWRITEBYTECODE set each start would compile them again."""
    subprocess.run([PYTHON, "-m", "compileall", "-q", *PACKAGES], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
