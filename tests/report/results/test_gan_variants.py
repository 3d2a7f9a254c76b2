import pytest
from fake_records import gan_run, variant_results

from palingen.report.records import Records, StudyRecords
from palingen.report.results.gan_variants import (
    add_values,
    compare_seeds,
    group_variants,
    variants_table,
)
from palingen.report.values import Values

RESULTS = [
    *variant_results("course", {}, [1200.0, 1300.0]),
    *variant_results("course", {"loss": "minimax"}, [1500.0, 1600.0]),
    *variant_results("course", {"loss": "hinge"}, [900.0, None]),
    *variant_results("course", {"architecture": "conv", "precision": "bfloat16"}, [180.0, 200.0]),
    *variant_results("course", {"lr_final_ratio": 0.1}, [1100.0, 1250.0]),
    *variant_results("course", {"batch_size": 1024}, [1700.0, 1800.0]),
    *variant_results("course", {"beta1": 0.5}, [250.0, 260.0]),
    *variant_results("public-script", {}, [1000.0, 1100.0]),
    *variant_results("public-script", {"batchnorm_eps": 1e-5}, [250.0, 300.0]),
    *variant_results("course", {"loss": "wasserstein"}, [None, None]),
]


def study(results):
    return StudyRecords("runs/comparison/study.json", {}, results)


def values(results, **gans):
    numbers = Values()
    add_values(numbers, Records(variants=study(results), gans=gans))
    return {key: value.text for key, value in numbers.items()}


def test_variants_are_ordered_by_their_mean_distance_with_the_diverged_last():
    groups = group_variants(RESULTS)
    assert groups[0].name == "course with architecture conv and precision bfloat16"
    assert groups[-1].name == "course with loss wasserstein"
    distances = [variant.mean_fd for variant in groups]
    assert distances == sorted(distances)


def test_a_seed_counts_once_and_another_budget_is_another_variant():
    results = [*variant_results("course", {}, [10.0]), *variant_results("course", {}, [20.0, 30.0])]
    results += variant_results("course", {}, [5.0], epochs=50)
    groups = group_variants(results)
    assert [(variant.name, variant.scores("fd")) for variant in groups] == [
        ("course, 50 epochs", [5.0]),
        ("course", [20.0, 30.0]),
    ]


def test_numbers_in_names_are_readable():
    names = {variant.name for variant in group_variants(RESULTS)}
    assert "course with batch size 1,024" in names
    assert "public-script with batchnorm eps 1\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10⁻⁵" in names


def test_two_variants_differ_only_if_no_seeds_overlap():
    assert compare_seeds([1, 2], [3, 4]).startswith("lower")
    assert compare_seeds([3, 4], [1, 2]).startswith("higher")
    assert "overlap" in compare_seeds([1, 3], [2, 4])


def test_best_and_worst_loss_and_those_better_than_the_courses_are_stated():
    texts = values(RESULTS)
    assert (texts["variants.loss.best"], texts["variants.loss.worst"]) == ("hinge", "minimax")
    assert (texts["variants.loss.better"], texts["variants.loss.others"]) == ("1", "2")
    assert texts["variants.diverged"] == "3"
    assert texts["variants.seeds"] == "2"


def test_each_suspected_cause_is_stated_by_its_best_variant_alone():
    texts = values(RESULTS)
    assert texts["variants.networks-alone.name"] == "course with architecture conv and precision bfloat16"
    assert texts["variants.schedule-alone.comparison"].startswith("not distinguishable")
    assert texts["variants.levers.order"].startswith("the networks (190.0 ± 14.1), the loss (900.0) and the schedule")


def test_named_variants_are_compared_with_the_one_they_change():
    texts = values(RESULTS)
    assert texts["variants.eps.comparison"] == "lower with every seed"
    assert texts["variants.batch-1024.comparison"] == "higher with every seed"
    assert (texts["variants.beta1.beta1"], texts["variants.batch-1024.batch_size"]) == ("0.5", "1,024")


def test_only_the_relativistic_loss_with_both_penalties_and_its_settings_is_the_penalized_variant():
    settings = {"loss": "relativistic", "penalty": "r1-r2", "beta1": 0.0, "ema_half_life": 500}
    assert "variants.penalized.fd" in values(variant_results("course", settings, [100.0]))
    for other in ({"loss": "hinge", "penalty": "r1"}, {**settings, "loss": "hinge"}, {**settings, "penalty": "r1"}):
        assert "variants.penalized.fd" not in values(variant_results("course", other, [100.0]))


def test_a_study_is_early_only_if_recipe_course_trains_longer():
    assert values(RESULTS, course=gan_run([(1.0, 0.9, 0.9)], epochs=11))["variants.early.epochs"] == "10"
    assert "variants.early.epochs" not in values(RESULTS, course=gan_run([(1.0, 0.9, 0.9)], epochs=10))
    assert "variants.early.epochs" not in values(RESULTS)


def test_a_study_without_recipe_course_compares_nothing():
    texts = values(variant_results("residual", {}, [4.0, 5.0]))
    assert set(texts) == {f"variants.{name}" for name in ("count", "seeds", "epochs", "diverged", "residual.fd")}


@pytest.mark.parametrize(
    ("name", "finished", "fd"),
    [
        ("course", "2 of 2", "1,250.0 ± 70.7"),
        ("course with loss hinge", "1 of 2", "900.0"),
        ("course with loss wasserstein", "0 of 2", "diverged"),
    ],
)
def test_the_table_counts_the_seeds_that_finished(name, finished, fd):
    rows = {row[0]: row for row in variants_table(study(RESULTS)).rows}
    assert rows[name][1:3] == [finished, fd]
    assert variants_table(None) is None
