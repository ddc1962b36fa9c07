"""Which Chromium drives the journeys."""

import os
import shutil


def executable() -> str:
    """The machine's Chromium (CHROMIUM names another); a clear failure when there is none."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        raise RuntimeError("No Chromium found. Install it (Debian: apt-get install chromium) or name it in CHROMIUM.")
    return found
