"""Interpolations between two latents: where the predicted class changes, and how confident the classifier is."""

from palingen.report.records import GanRecords, Records, Strip
from palingen.report.values import Values, format_setting, percent


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of the interpolations of every GAN that has some."""
    for recipe, gan in records.gans.items():
        if gan.interpolations:
            _add_gan(values, f"interpolation.{recipe}", gan)


def _add_gan(values: Values, key: str, gan: GanRecords) -> None:
    source = gan.interpolations_name
    for name, strip in gan.interpolations.items():
        count = len(strip.classes)
        values.add_value(f"{key}.{name}.first-class", str(strip.classes[0]), source)
        values.add_value(f"{key}.{name}.last-class", str(strip.classes[-1]), source)
        values.add_value(f"{key}.{name}.images", format_setting(count), source)
        values.add_value(f"{key}.{name}.change", format_setting(_change(strip)), source)
    _add_contrast(values, key, gan)
    steps = len(next(iter(gan.interpolations.values())).classes) - 2
    values.add_value(f"{key}.steps", format_setting(steps), source)


def _add_contrast(values: Values, key: str, gan: GanRecords) -> None:
    """Add the lowest confidences, if that on the straight line is the lower one, and where the class changes."""
    linear, spherical = (gan.interpolations.get(name) for name in ("linear", "spherical"))
    if not linear or not spherical:
        return
    lowest, on_sphere = min(linear.confidences), min(spherical.confidences)
    image = linear.confidences.index(lowest) + 1
    if lowest < on_sphere and abs(image - _change(linear)) <= 1:
        values.add_value(f"{key}.contrast.linear", percent(lowest), gan.interpolations_name)
        values.add_value(f"{key}.contrast.image", format_setting(image), gan.interpolations_name)
        values.add_value(f"{key}.contrast.spherical", percent(on_sphere), gan.interpolations_name)


def _change(strip: Strip) -> int:
    """Number, from one, of the first image with another class than the first; that of the last if all have the same."""
    count = len(strip.classes)
    return next((i for i, label in enumerate(strip.classes, 1) if label != strip.classes[0]), count)
