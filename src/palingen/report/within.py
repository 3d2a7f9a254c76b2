"""What the report says of the inside of the cells: gradients, gates, and claims held to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from palingen.report.values import Values, claim, general, number, percent, power

SOURCE = "runs/inside/inside.json"
OPEN = 0.9


def put(values: Values, looks: Sequence[Mapping[str, Any]]) -> None:
    """Add the numbers of `palingen palindrome inside`."""
    lstm, rnn = (next(look for look in looks if look["cell"] == cell) for cell in ("lstm", "rnn"))
    steps = len(lstm["digits"])
    values.put("inside.length", general(steps + 1), SOURCE)
    values.put("inside.last", general(steps), SOURCE)
    reach = {}
    for cell, look in (("lstm", lstm), ("rnn", rnn)):
        for moment in ("before", "after"):
            norms = np.asarray(look[moment]["c" if cell == "lstm" else "h"])
            key = f"inside.{cell}.{moment}"
            reach[cell, moment] = norms[0] / norms[-1]
            values.put(f"{key}.share", _share(norms[0] / norms[-1]), SOURCE)
            values.put(f"{key}.lowest", _share(norms.min() / norms[-1]), SOURCE)
            values.put(f"{key}.factor", number((norms[0] / norms[-1]) ** (1 / (steps - 1)), 2), SOURCE)
    values.put("inside.lstm.gain", power(reach["lstm", "after"] / reach["rnn", "after"], 0), SOURCE)
    forget = np.asarray(lstm["gates"]["f"])
    through = forget[1:].prod(0)
    values.put("inside.forget.mean", number(float(forget.mean()), 2), SOURCE)
    values.put("inside.forget.most", number(float(forget.mean(0).max()), 2), SOURCE)
    values.put("inside.forget.through", power(float(through.max())), SOURCE)
    values.put("inside.forget.open", general(int((forget.mean(0) > OPEN).sum())), SOURCE)
    values.put("inside.open", number(OPEN, 1), SOURCE)
    values.put("inside.units", general(forget.shape[1]), SOURCE)
    values.put("inside.forget.wide", percent(float((forget > OPEN).mean())), SOURCE)
    _claims(reach, float(through.max()))


def _share(ratio: float) -> str:
    return number(ratio, 1) if ratio >= 0.1 else power(ratio)


def _claims(reach: Mapping[tuple[str, str], float], through: float) -> None:
    claim(reach["lstm", "before"] < 1e-4, "the untrained LSTM's gradient vanishes too")
    claim(reach["rnn", "before"] < reach["lstm", "before"], "the untrained RNN's gradient vanishes faster")
    claim(reach["lstm", "after"] > 0.1, "the trained LSTM's gradient reaches the first digit undiminished")
    claim(reach["rnn", "after"] < 1e-3, "the trained RNN's gradient still vanishes")
    claim(through < 0.01, "no unit of the trained LSTM just holds the digit behind an open forget gate")
