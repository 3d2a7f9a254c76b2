import pytest
from fake_records import gan_run, gan_score

from palingen.report.records import Records
from palingen.report.results.max_latent_norms import add_values, check_claims, norms_table
from palingen.report.values import Values
from palingen.runtime.errors import DataError

STD = {"fd": 0.1, "recall": 0.001, "coverage": 0.002}


def score(norm, fd, recall, coverage, class_accuracy):
    metrics = {"recall": recall, "coverage": coverage, "class_accuracy": class_accuracy}
    unclear = 0.025 if norm is None else 0.02
    return gan_score(fd, max_latent_norm=norm, low_confidence_fraction=unclear, n=30_000, repeats=3, std=STD, **metrics)


UNLIMITED, LIMITED = score(None, 1.5, 0.95, 0.93, 0.98), score(1.04, 1.9, 0.94, 0.931, 0.99)


def test_the_extremes_of_the_comparison_are_stated():
    values = Values()
    add_values(values, Records(max_latent_norms=[UNLIMITED, LIMITED]))
    texts = {key: value.text for key, value in values.items()}
    assert (texts["norms.n"], texts["norms.sets"], texts["norms.strictest.norm"]) == ("30,000", "3", "1.04")
    assert (texts["norms.unlimited.fd"], texts["norms.strictest.fd"]) == ("1.50 ± 0.10", "1.90 ± 0.10")


def test_a_limit_that_is_closer_than_none_is_named():
    values = Values()
    add_values(values, Records(max_latent_norms=[UNLIMITED, score(1.1, 1.4, 0.94, 0.93, 0.985), LIMITED]))
    assert (values["norms.closest.norm"].text, values["norms.closest.fd"].text) == ("1.1", "1.40 ± 0.10")
    values = Values()
    add_values(values, Records(max_latent_norms=[UNLIMITED, LIMITED]))
    assert "norms.closest.fd" not in values


def test_the_table_has_a_row_for_each_limit():
    table = norms_table(Records(max_latent_norms=[UNLIMITED, LIMITED]))
    assert [row[0] for row in table.rows] == ["none", "1.04 √Z"]
    assert table.rows[0][2] == "0.950 ± 0.001"


def test_without_records_there_is_neither_table_nor_number():
    values = Values()
    add_values(values, Records())
    check_claims(Records())
    assert not values
    assert norms_table(Records()) is None


def test_scores_without_a_limit_or_without_class_accuracy_have_no_such_values():
    values, unconditional = Values(), score(None, 1.5, 0.95, 0.93, None)
    records = Records(max_latent_norms=[unconditional])
    add_values(values, records)
    check_claims(records)
    assert values["norms.unlimited.fd"].text == "1.50 ± 0.10"
    assert not [key for key in values if key.endswith((".norm", ".class_accuracy"))]
    (row,) = norms_table(records).rows
    assert (row[0], row[4]) == ("none", "")
    check_claims(Records(max_latent_norms=[unconditional, score(1.04, 1.9, 0.94, 0.93, None)]))


def test_a_recipe_that_samples_with_a_limit_contradicts_the_text():
    residual = gan_run([(1.0, 0.9, 0.9)], score=gan_score(4.0, max_latent_norm=1.04))
    with pytest.raises(DataError, match="samples without a limit"):
        check_claims(Records(max_latent_norms=[UNLIMITED, LIMITED], gans={"residual": residual}))


@pytest.mark.parametrize(
    ("limited", "claim"),
    [
        (score(1.04, 1.9, 0.96, 0.93, 0.99), "recall on the validation part"),
        (score(1.04, 1.9, 0.94, 0.93, 0.97), "raises the class accuracy"),
    ],
)
def test_a_contradicted_claim_is_named(limited, claim):
    check_claims(Records(max_latent_norms=[UNLIMITED, LIMITED]))
    with pytest.raises(DataError, match=claim):
        check_claims(Records(max_latent_norms=[UNLIMITED, limited]))
