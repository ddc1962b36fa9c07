"""Text that can be written whatever blocks say: their messages and logs are others' words."""


def plain(text: object, longest: int) -> str:
    """The text, cut to so many characters, without halves of pairs; for what has no text, its type.

    Never raises.
    """
    try:
        said = str(text)
        if len(said) > longest:
            said = said[: longest - 1] + "…"
        return str.__str__(said).encode(errors="replace").decode()
    except BaseException:  # noqa: BLE001 - a class of the block's own may do anything
        return f"({type(text).__name__} without words)"
