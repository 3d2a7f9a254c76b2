"""Numbers as text for people."""

WHOLE_BELOW = 1e9
"""Numbers from a thousand to this are shown as whole ones; beyond, as powers of ten."""


def number_text(value: float, digits: int = 3) -> str:
    """Whole and large numbers with separators, as in `10,000`, others with `digits` significant digits."""
    if isinstance(value, int) or 1000 <= abs(value) < WHOLE_BELOW:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
