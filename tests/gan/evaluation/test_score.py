import json
from dataclasses import fields

import pytest

from palingen.gan.evaluation.score import Score, ScoreSummary, summarize


def make_score(value, **others):
    return Score(**{field.name: value for field in fields(Score)} | {"n": 5000, "class_accuracy": None} | others)


def test_scores_are_summarized_by_mean_and_standard_deviation():
    summary = summarize([make_score(4.0), make_score(5.0), make_score(6.0)])
    assert summary.mean == make_score(5.0)
    assert (summary.std["fd"], summary.std["n"], summary.std["class_accuracy"]) == (1.0, 0.0, None)


def test_a_single_score_has_no_standard_deviation():
    assert summarize([make_score(4.0)]) == ScoreSummary(mean=make_score(4.0), std={})


def test_a_summary_is_restored_from_its_row():
    summary = summarize([make_score(4.0), make_score(5.0)])
    assert ScoreSummary.from_row(json.loads(json.dumps(summary.as_row()))) == summary


@pytest.mark.parametrize("row", [{}, {"n": 1, "std": {}}, {**make_score(1.0).__dict__, "more": 1, "std": {}}])
def test_a_row_with_missing_or_unknown_metrics_is_refused(row):
    with pytest.raises((TypeError, KeyError)):
        ScoreSummary.from_row(row)
