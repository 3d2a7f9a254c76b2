"""Interpolations between two latents: where the predicted class changes, and how confident the classifier is."""

from palingen.report.records import GanRecords, Records
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
        changed = [number for number, label in enumerate(strip.classes, 1) if label != strip.classes[0]]
        lowest = min(strip.confidences)
        values.add_value(f"{key}.{name}.first-class", str(strip.classes[0]), source)
        values.add_value(f"{key}.{name}.last-class", str(strip.classes[-1]), source)
        values.add_value(f"{key}.{name}.images", format_setting(count), source)
        values.add_value(f"{key}.{name}.change", format_setting(changed[0] if changed else count), source)
        values.add_value(f"{key}.{name}.lowest-confidence", percent(lowest), source)
        values.add_value(f"{key}.{name}.least-confident", format_setting(strip.confidences.index(lowest) + 1), source)
    steps = len(next(iter(gan.interpolations.values())).classes) - 2
    values.add_value(f"{key}.steps", format_setting(steps), source)
