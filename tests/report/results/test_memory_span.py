from fake_records import analysis

from palingen.report.records import Records
from palingen.report.results.memory_span import add_values, span_of, spans_table
from palingen.report.values import Values


def network(cell, gradients, recall, half_lives=()):
    """Analysis of a network trained on 5 digits, with accuracies by length."""
    accuracies = [{"length": length, "palindromes": 200, "accuracy": value} for length, value in recall.items()]
    record = analysis(cell, [1e-6] * len(gradients), gradients)
    return {**record, "length": 5, "recall": accuracies, "half_lives": list(half_lives)}


LSTM = network("lstm", [1e-9, 1e-8, 1e-7, 1.0], {2: 1.0, 5: 1.0, 10: 1.0, 50: 0.995}, [10.0, 2.0])
GRU = network("gru", [2.0, 0.5, 0.5, 1.0], {2: 1.0, 5: 1.0, 10: 0.9, 50: 1.0}, [30.0])
RNN = network("rnn", [8.0, 3.0, 2.0, 2.0], {2: 0.05, 5: 1.0, 10: 0.0})


def values(*records):
    numbers = Values()
    add_values(numbers, Records(memory_analysis=records))
    return {key: value.text.replace("\N{NO-BREAK SPACE}", " ") for key, value in numbers.items()}


def test_a_network_is_right_up_to_the_longest_length_before_its_first_failure():
    assert (span_of(LSTM).recalled, span_of(LSTM).lost) == (50, None)
    assert (span_of(GRU).recalled, span_of(GRU).lost) == (5, 10)
    assert span_of({**RNN, "recall": []}).recalled == 0


def test_a_state_is_restored_where_the_accuracy_outlasts_the_gates():
    texts = values(LSTM, GRU, RNN)
    assert texts["span.lstm.restored.half_life"] == "10"
    assert texts["span.lstm.restored.left"] == "0.03"  # 2 to the power -50 / 10
    assert texts["span.lstm.vanished.half_way"] == "1 \N{MULTIPLICATION SIGN} 10⁻⁸"
    assert (texts["span.gru.carried.half_life"], texts["span.gru.carried.half_way"]) == ("30", "0.50")
    slow = values({**LSTM, "half_lives": [11.0]})
    assert slow["span.lstm.carried.half_life"] == "11"
    assert "span.lstm.restored.half_life" not in slow


def test_a_network_that_is_worse_than_a_guess_at_other_lengths_is_right_at_one():
    texts = values(RNN)
    assert (texts["span.rnn.timed.length"], texts["span.rnn.timed.accuracy"]) == ("2", "5.0 %")
    assert (texts["span.rnn.lost.length"], texts["span.rnn.lost.accuracy"]) == ("10", "0.0 %")
    assert "span.gru.timed.length" not in values(GRU)


def test_each_cell_is_described_by_the_network_of_the_longest_training():
    longer = {**LSTM, "length": 10}
    assert values(longer, LSTM)["span.lstm.length"] == "10"
    assert values() == {}


def test_the_table_has_a_row_for_each_network_and_names_what_was_not_run():
    table = spans_table([RNN, {**LSTM, "length": 10, "half_lives": [12345.0]}, LSTM])
    assert [row[:3] for row in table.rows] == [["LSTM", "5", "10"], ["LSTM", "10", "12,345"], ["RNN", "5", "no gates"]]
    assert table.rows[0][5:] == ["100.0", "100.0", "not run", "99.5", "not run"]
    assert spans_table([]) is None
