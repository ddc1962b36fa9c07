"""See `apps.py`."""
