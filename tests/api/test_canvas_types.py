"""The canvas' types of the API are those of the API."""

import json
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

CANVAS = Path(settings.BASE_DIR) / "static" / "canvas"
GENERATOR = CANVAS / "node_modules" / ".bin" / "openapi-typescript"


@pytest.mark.skipif(not GENERATOR.exists(), reason="the canvas' packages are not installed")
def test_generated_types_are_current(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(SchemaGenerator().get_schema(public=True)))
    command = [str(GENERATOR), str(tmp_path / "openapi.json"), "-o", str(tmp_path / "schema.d.ts")]
    subprocess.run(command, check=True, capture_output=True, cwd=CANVAS, timeout=60)
    made, kept = ((folder / "schema.d.ts").read_text() for folder in (tmp_path, CANVAS / "src" / "api"))
    assert made == kept, "run `npm run schema` in static/canvas"
