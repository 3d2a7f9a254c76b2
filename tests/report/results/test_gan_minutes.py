from dataclasses import replace

from fake_records import gan_run, gan_score

from palingen.report.results.gan_minutes import HEAD, minutes_table

STEPS = [(1.0, 0.9, 0.9)]


def quick(gan, seconds):
    *records, result = gan.run.records
    return replace(gan, run=replace(gan.run, records=[*records, {**result, "seconds": seconds}]))


def test_the_quickest_training_stands_first_with_its_ratios_to_the_floors():
    slow = gan_run(STEPS, score=gan_score(2.5, class_accuracy=0.992, recall=0.915), epochs=50)
    table = minutes_table({"residual": slow, "residual-fast": quick(gan_run(STEPS, score=gan_score(3.0)), 90.0)})
    fast, full = (dict(zip(HEAD, row, strict=True)) for row in table.rows)
    assert (fast["recipe"], fast["minutes"], fast["class acc."]) == ("residual-fast", "2", "")
    assert (full["epochs"], full["minutes"], full["FD / floor"]) == ("50", "10", "1.25")
    assert (full["FD second / floor"], full["FD to training"], full["recall"]) == ("1.25", "1.25", "0.915")


def test_every_seed_of_a_recipe_has_a_row():
    first, again = (gan_run(STEPS, score=gan_score(3.0), seed=seed) for seed in (0, 1))
    table = minutes_table({"residual": first, "residual-seed1": again})
    assert [row[:2] for row in table.rows] == [["residual", "0"], ["residual", "1"]]


def test_generators_that_the_second_classifier_has_not_seen_are_left_out():
    assert minutes_table({"public-script": gan_run(STEPS, score=gan_score(3.0, fd_second=None))}) is None
