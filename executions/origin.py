"""Which trigger started a run: its idempotency key says it, `schedule:7:2026-12-01T08:00:00+00:00`."""


def trigger_of(trigger: str, key: str) -> tuple[str, int] | None:
    """Kind and id of what started a run, from its `trigger` and its `idempotency_key`; None if it was no trigger.

    Only triggers write their kind into both: a caller of the API chooses the key and not the other.
    """
    kind, _, rest = key.partition(":")
    number, _, event = rest.partition(":")
    is_one = kind == trigger and event and number.isascii() and number.isdigit() and len(number) < 19
    return (kind, int(number)) if is_one else None
