"""Where an installation keeps its processes' things: data of the services, sockets, process ids, logs."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from agentflow import env
from agentflow.processes.binaries import SHARED_FOLDER
from agentflow.processes.errors import ProcessesError
from agentflow.processes.programs import Account

#: A unix socket's path has at most 104 bytes (108 on Linux); PostgreSQL appends `/.s.PGSQL.5432.lock`.
SOCKET_FOLDER_BYTES = 80


def data_folder() -> Path:
    """The folder of this installation's data, private.

    Raises:
        ProcessesError: it is somebody else's.
    """
    folder = env.data_folder()
    try:
        return make_private(folder)
    except PermissionError:
        raise ProcessesError(
            f"{folder} belongs to another user: start agentflow as that user, or name another folder in AGENTFLOW_DATA."
        ) from None


def make_private(folder: Path, owner: Account | None = None) -> Path:
    """The folder, made if it is missing, closed to everybody but its owner."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if owner:
        os.chown(folder, owner.uid, owner.gid)
    return folder


def write_private(path: Path, content: str, owner: Account | None = None) -> None:
    """Put `content` into a file that only its owner reads, all or nothing."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    if owner:
        os.chown(unfinished, owner.uid, owner.gid)
    unfinished.replace(path)


def service_folder(data: Path, account: Account | None) -> Path:
    """The folder with the services' data: in the data folder, or as root where the account can reach it.

    Root's folder has a name by chance, kept in the data folder: a checkout made anew at the same place is a new
    installation, with its own database.
    """
    if account is None:
        return make_private(data / "services")
    name_file = data / "services-folder"
    if not name_file.exists():
        write_private(name_file, str(SHARED_FOLDER / secrets.token_hex(8)))
    folder = Path(name_file.read_text().strip())
    if not folder.parent.exists():
        folder.parent.mkdir(parents=True)
        folder.parent.chmod(0o755)
    make_private(folder, account)
    (folder / "README").write_text(f"Data of the agentflow services whose checkout's data are in {data}\n")
    return folder


def socket_folder(folder: Path) -> Path:
    """`folder`, or when its path is too long for a unix socket, a private one in the temporary folder."""
    if len(os.fsencode(folder)) <= SOCKET_FOLDER_BYTES:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"agentflow-{os.getuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    status = short.lstat()
    if short.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ProcessesError(f"{short} is not a private folder of ours; remove it.")
    return short
