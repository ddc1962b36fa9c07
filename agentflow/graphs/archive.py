"""Several graphs in one file."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from django.utils.text import slugify


def zipped(graphs: Mapping[str, Any]) -> bytes:
    """A zip file with one JSON file per graph, named after it; indented, for version control."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, graph in graphs.items():
            text = json.dumps(graph, indent=2, sort_keys=True, ensure_ascii=False)
            archive.writestr(f"{slugify(name)}.json", text + "\n")
    return buffer.getvalue()
