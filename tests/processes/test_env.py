from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from agentflow import env


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What a file sets is taken back after the test."""
    for name in ("COLOUR", "SHAPE", "SIZE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def test_file_completes_the_environment(tmp_path: Path, clean: pytest.MonkeyPatch):
    (tmp_path / "env").write_text("# colours\n\nCOLOUR=red\nexport SHAPE='a = b'\nnothing\n")
    env.read_file(tmp_path / "env")
    assert (env.text("COLOUR"), env.text("SHAPE")) == ("red", "a = b")


def test_environment_wins_over_the_file(tmp_path: Path, clean: pytest.MonkeyPatch):
    clean.setenv("COLOUR", "blue")
    (tmp_path / "env").write_text("COLOUR=red\n")
    env.read_file(tmp_path / "env")
    assert env.text("COLOUR") == "blue"


def test_missing_file_says_nothing(tmp_path: Path):
    env.read_file(tmp_path / "none")


@pytest.mark.parametrize(("value", "wanted"), [("yes", True), ("0", False), ("", False), ("ON", True)])
def test_flag(value: str, wanted: bool, clean: pytest.MonkeyPatch):
    clean.setenv("SIZE", value)
    assert env.flag("SIZE") is wanted


@pytest.mark.parametrize("value", ["many", "-1", "1.5"])
def test_bad_number_names_its_variable(value: str, clean: pytest.MonkeyPatch):
    clean.setenv("SIZE", value)
    with pytest.raises(ImproperlyConfigured, match="SIZE"):
        env.integer("SIZE", 3)
