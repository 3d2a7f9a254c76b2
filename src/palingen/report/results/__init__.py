"""Results: the numbers, tables and claims of the report, one module a topic.

To add a sentence about a record: compute its numbers in the topic's `add_values`, name them in the template as
`#v("topic.thing.quantity")`, and if the sentence compares, check it in the topic's `check_claims`. A number without a
record is left out of the values, and with it the sentence that holds it.
"""

from palingen.report.records import Records
from palingen.report.results import (
    gan,
    gan_minutes,
    gan_scores,
    gan_variants,
    gradients,
    interpolations,
    max_latent_norms,
    memory,
    memory_span,
    palindrome_tables,
    palindromes,
    stacked_mnist,
)
from palingen.report.tables import Table
from palingen.report.values import Values

NUMBERS = (
    palindromes,
    memory,
    memory_span,
    gradients,
    gan,
    gan_scores,
    max_latent_norms,
    interpolations,
    gan_variants,
    stacked_mnist,
)
CLAIMS = (palindromes, memory, gradients, gan, gan_scores, max_latent_norms, stacked_mnist)


def collect_values(records: Records) -> Values:
    """Every number that the text may hold.

    Raises:
        DataError: the records contradict a claim of the text.
    """
    for topic in CLAIMS:
        topic.check_claims(records)
    values = Values()
    for topic in NUMBERS:
        topic.add_values(values, records)
    return values


def collect_tables(records: Records) -> dict[str, Table]:
    """Every table that there are records for, by name."""
    tables = {
        "palindrome-settings": palindrome_tables.settings_table(records),
        "course-lengths": palindrome_tables.course_table(records),
        "memory": palindrome_tables.memory_table(records.memory),
        "memory-span": memory_span.spans_table(records.memory_analysis),
        "gru-settings": palindrome_tables.gru_settings_table(records),
        "ablations": palindrome_tables.ablations_table(records.ablations),
        "gan-settings": gan.settings_table(records.gans),
        "scores": gan_scores.scores_table(records.gans),
        "minutes": gan_minutes.minutes_table({**records.gans, **records.gan_repeats}),
        "max-latent-norms": max_latent_norms.norms_table(records),
        "variants": gan_variants.variants_table(records.variants),
    }
    return {name: table for name, table in tables.items() if table}
