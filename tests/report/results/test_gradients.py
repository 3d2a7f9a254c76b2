import pytest
from fake_records import analysis

from palingen.report.records import Records
from palingen.report.results.gradients import add_values, check_claims
from palingen.report.values import Values
from palingen.runtime.errors import DataError

FORGET = [[0.5, 0.95], [0.1, 0.95], [0.2, 0.95]]
LSTM = analysis("lstm", [1e-6, 1e-3, 1.0], [2.0, 1.0, 1.0], [[0.5, 0.5], [0.1, 0.1], [0.01, 0.05]])
RNN = analysis("rnn", [1e-8, 1e-4, 1.0], [1e-4, 1e-5, 1.0])


def values(*records):
    numbers = Values()
    add_values(numbers, Records(analysis=records))
    return {key: value.text.replace("\N{NO-BREAK SPACE}", " ") for key, value in numbers.items()}


def test_retention_is_the_first_gradient_norm_over_the_last():
    texts = values(LSTM, RNN)
    assert texts["analysis.length"] == "4"
    assert texts["analysis.lstm.trained.retention"] == "2.0"
    assert texts["analysis.rnn.untrained.retention"] == "1.0 \N{MULTIPLICATION SIGN} 10⁻⁸"
    assert texts["analysis.rnn.untrained.factor"] == "0.00"  # 1e-8 over two steps
    assert texts["analysis.rnn.trained.lowest"] == "1.0 \N{MULTIPLICATION SIGN} 10⁻⁵"
    assert texts["analysis.lstm.gain"] == "2 \N{MULTIPLICATION SIGN} 10⁴"


def test_the_product_of_the_forget_gates_leaves_out_the_first_step():
    texts = values({**LSTM, "gates": {"f": FORGET}}, RNN)
    assert texts["analysis.forget.product"] == "9.0 \N{MULTIPLICATION SIGN} 10⁻¹"
    assert texts["analysis.forget.open-units"] == "1"


def test_a_gradient_of_zero_at_the_first_step_of_the_rnn_gives_no_gain():
    texts = values(LSTM, analysis("rnn", [1e-8, 1e-4, 1.0], [0.0, 1e-5, 1.0]))
    assert "analysis.lstm.gain" not in texts
    assert texts["analysis.lstm.trained.retention"] == "2.0"


def test_an_analysis_of_which_some_steps_are_recorded_has_its_length_and_no_product():
    lstm, rnn = ({**record, "length": 1000} for record in (LSTM, RNN))
    texts = values(lstm, rnn)
    assert texts["analysis.length"] == "1,000"
    assert "analysis.forget.product" not in texts
    check_claims(Records(analysis=[{**lstm, "gates": {"f": FORGET}}, rnn]))


@pytest.mark.parametrize("records", [(), (LSTM,), (RNN,)])
def test_without_both_cells_there_is_nothing_to_state_or_to_check(records):
    assert values(*records) == {}
    check_claims(Records(analysis=records))


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"untrained": {"c": [0.1, 1.0, 1.0]}}, "untrained LSTM's gradient vanishes"),
        ({"untrained": {"c": [1e-9, 1.0, 1.0]}}, "untrained RNN's gradient vanishes faster"),
        ({"trained": {"c": [1e-3, 1.0, 1.0]}}, "reaches the first digit"),
        ({"gates": {"f": FORGET}}, "behind an open forget gate"),
    ],
)
def test_a_contradicted_claim_is_named(changes, claim):
    check_claims(Records(analysis=[LSTM, RNN]))
    with pytest.raises(DataError, match=claim):
        check_claims(Records(analysis=[{**LSTM, **changes}, RNN]))
