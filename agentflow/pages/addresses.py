"""What the pages read of their addresses."""


def number(text: str) -> int:
    """A whole number; 0 for anything else, and for one that no id can be."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else 0
