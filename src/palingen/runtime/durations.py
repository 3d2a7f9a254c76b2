"""Durations and rates as text."""


def duration_text(seconds: float, *, coarse: bool = False) -> str:
    """Duration in its two largest units, as in `45 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.

    Args:
        seconds: the duration.
        coarse: whether to use the largest unit only.
    """
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}" if count or not parts else "")
    return " ".join(part for part in parts[: 1 if coarse else 2] if part)


def rate_text(per_second: float) -> str:
    """Rate per second, minute or hour, so that it is at least 1: `230/s`, `4.2/min`."""
    for factor, unit in ((1, "s"), (60, "min")):
        if per_second * factor >= 1:
            return f"{per_second * factor:.3g}/{unit}"
    return f"{per_second * 3600:.2g}/h"
