"""`{% vite "src/main.tsx" %}`: tags for one entry of the built front end, with the request's nonce."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

Manifest = Mapping[str, Mapping[str, Any]]

MANIFEST = Path(settings.BASE_DIR) / "static" / "dist" / "manifest.json"


@register.simple_tag(takes_context=True)
def vite(context: Mapping[str, Any], entry: str) -> SafeString:
    """Stylesheets, module preloads and the script of `entry`, or a stylesheet alone; a missing build is a loud KeyError."""
    manifest = _manifest(MANIFEST.stat().st_mtime_ns)
    nonce = getattr(context.get("request"), "csp_nonce", "")
    if entry.endswith(".css"):
        return format_html('<link rel="stylesheet" href="{}">', static(f"canvas/{manifest[entry]['file']}"))
    chunks = list(_chunks(manifest, entry))
    styles = dict.fromkeys(css for chunk in reversed(chunks) for css in chunk.get("css", ()))
    preloads = [(static(f"canvas/{chunk['file']}"),) for chunk in chunks[1:]]
    return (
        format_html_join("\n", '<link rel="stylesheet" href="{}">', ((static(f"canvas/{css}"),) for css in styles))
        + format_html_join("\n", '<link rel="modulepreload" href="{}">', preloads)
        + format_html(
            '<script type="module" src="{}" nonce="{}"></script>', static(f"canvas/{chunks[0]['file']}"), nonce
        )
    )


def _chunks(manifest: Manifest, entry: str, seen: set[str] | None = None) -> Iterator[Mapping[str, Any]]:
    seen = set() if seen is None else seen
    if entry in seen:
        return
    seen.add(entry)
    yield manifest[entry]
    for name in manifest[entry].get("imports", ()):
        yield from _chunks(manifest, name, seen)


@lru_cache(maxsize=1)
def _manifest(_changed_at: int) -> Manifest:
    """The build's manifest, read again when the canvas was rebuilt: the former build's files are gone."""
    found: Manifest = json.loads(MANIFEST.read_text())
    return found
