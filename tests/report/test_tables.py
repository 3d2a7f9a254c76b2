from fake_records import link_subset, palindrome_study

from palingen.report.readme_table import readme_table
from palingen.report.record_reader import read_records
from palingen.report.records import Records
from palingen.report.tables import Table

GROUPED = Table(["T", "learned", "time"], [["10", "3 of 3", "1\N{NO-BREAK SPACE}s"]], "runs/a", [("", 1), ("LSTM", 2)])


def test_markdown_repeats_a_group_in_each_of_its_columns():
    assert GROUPED.as_markdown() == "| T | LSTM learned | LSTM time |\n| --- | --- | --- |\n| 10 | 3 of 3 | 1 s |\n"


def test_json_holds_everything_that_the_template_lays_out():
    expected = {
        "head": ["T", "learned", "time"],
        "rows": [["10", "3 of 3", "1\N{NO-BREAK SPACE}s"]],
        "source": "runs/a",
    }
    assert GROUPED.as_json() == {**expected, "groups": [("", 1), ("LSTM", 2)]}


def test_the_readme_table_has_the_six_main_results(committed):
    table = readme_table(committed)
    assert table.head == ["result", "measured", "how", "n"]
    assert len(table.rows) == 6
    measured = [row[1] for row in table.rows]
    assert measured[1] == "LSTM 100.0 (100.0 to 100.0), RNN 52.6 (28.6 to 76.6)"
    score = committed.gans["residual"].score
    distances = f"{score['fd']:.1f} ± {score['std']['fd']:.1f} (real images: {score['fd_floor']:.1f} ± "
    assert measured[4].startswith(distances)
    assert measured[4].endswith(
        f"{score['recall']:.2f}, {score['class_accuracy']:.1%}".replace("%", "\N{NO-BREAK SPACE}%")
    )
    assert all(row[2].startswith("`palingen ") for row in table.rows)


def test_the_readme_table_leaves_out_what_has_no_records(tmp_path):
    folder = link_subset(tmp_path / "report", "palindromes/*-T5-seed0", "palindromes/lstm-T10-seed0")
    (row,) = readme_table(read_records(folder)).rows  # no length but the first has both cells
    assert row[0].startswith("palindromes of 5 digits")
    assert readme_table(Records()).rows == []


def test_the_readme_table_leaves_out_recipe_memory_if_only_other_cells_were_trained():
    assert readme_table(Records(memory=palindrome_study(("peephole", 200, 1.0, 1)))).rows == []
    (row,) = readme_table(Records(memory=palindrome_study(("peephole", 200, 1.0, 1), ("lstm", 1000, 1.0, 1)))).rows
    assert row[1] == "T = 1,000: LSTM 1 of 1"
