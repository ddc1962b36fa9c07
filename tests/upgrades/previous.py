"""The release before this one, as it was: its code lies here packed, so that tests need no git history.

When a release is out, it is what the next one must live beside: `python -m tests.upgrades.previous COMMIT` packs it.
"""

import io
import json
import lzma
import re
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKED = HERE / "previous-release.tar.xz"
SAID = HERE / "previous-release.json"
#: What its workers need; the manifest, because a system check asks for it.
PARTS = (
    "agentflow",
    "blocks",
    "executions",
    "manage.py",
    "static/dist/manifest.json",
    ":!agentflow/docs",
    ":!agentflow/graphs/examples",
)
MIGRATION = re.compile(r"(?:agentflow/)?(\w+)/migrations/(\d\w+)\.py")

Node = tuple[str, str]


def unpack(folder: Path) -> Path:
    """The release's code in a folder."""
    with tarfile.open(PACKED) as archive:
        archive.extractall(folder, filter="data")
    return folder


def migrations() -> dict[Node, str]:
    """Its migrations: (app, name) -> source."""
    with tarfile.open(PACKED) as archive:
        return {
            (match[1], match[2]): _read(archive, member)
            for member in archive
            if (match := MIGRATION.fullmatch(member.name))
        }


def release() -> str:
    """Its version and commit, for messages."""
    said = json.loads(SAID.read_text())
    return f"{said['release']} ({said['commit'][:10]})"


def pack(commit: str) -> None:
    """Take this commit for the release before the next one."""
    whole = subprocess.run(["git", "rev-parse", f"{commit}^{{commit}}"], capture_output=True, text=True, check=True)  # noqa: S607
    commit = whole.stdout.strip()
    packed = subprocess.run(["git", "archive", commit, "--", *PARTS], capture_output=True, check=True)  # noqa: S607
    PACKED.write_bytes(lzma.compress(packed.stdout, preset=9 | lzma.PRESET_EXTREME))
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        version = re.search(r'__version__ = "(.+)"', _read(archive, archive.getmember("agentflow/__init__.py")))
    assert version is not None
    SAID.write_text(json.dumps({"release": version[1], "commit": commit}, indent=1) + "\n")


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    assert file is not None
    return file.read().decode()


if __name__ == "__main__":
    pack(sys.argv[1])
