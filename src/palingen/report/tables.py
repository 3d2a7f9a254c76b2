"""Records to the Markdown tables that the README and the report's folder show."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any

from palingen.report.records import Game, Run

SOLVED = 0.99
"""Share of unseen palindromes that must be right for a seed to count as having learnt them."""


def memory_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """What one recipe reaches at every length, as Markdown."""
    cells = list(dict.fromkeys(run["cell"] for run in runs))
    lines = [
        "One recipe for every length (`memory`): seeds with at least 99 % right on unseen palindromes; the lowest of "
        "them all; the median run on one core.",
        "",
        f"| T | {' | '.join(f'`{cell}`' for cell in cells)} |",
        f"| --- |{' --- |' * len(cells)}",
    ]
    for length in sorted({run["length"] for run in runs}):
        row = [[run for run in runs if (run["cell"], run["length"]) == (cell, length)] for cell in cells]
        lines.append(f"| {length:,} | {' | '.join(reached(group) for group in row)} |")
    return "\n".join(lines) + "\n"


def reached(runs: Sequence[Mapping[str, Any]]) -> str:
    """How many seeds learnt it, the lowest share of them all, the median time; empty without runs."""
    if not runs:
        return ""
    shares = [run["accuracy"] for run in runs]
    solved = sum(share >= SOLVED for share in shares)
    return f"{solved} of {len(runs)}, {100 * min(shares):.1f} %, {median(run['seconds'] for run in runs):.0f} s"


def options_table(options: Mapping[str, Mapping[str, Any]]) -> str:
    """What each option of the recipe is worth, as Markdown: the same study with one thing changed."""
    lines = [
        "| recipe `memory` | T | seeds with 99 % right | lowest to highest | steps, median | seconds, median |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, study in options.items():
        runs = study["runs"]
        shares = [100 * run["accuracy"] for run in runs]
        lines.append(
            f"| {name.replace('-', ' ')} | {runs[0]['length']} | {sum(share >= 100 * SOLVED for share in shares)} of "
            f"{len(runs)} | {min(shares):.1f} to {max(shares):.1f} % | {median(run['steps'] for run in runs):.0f} | "
            f"{median(run['seconds'] for run in runs):.0f} |"
        )
    return "\n".join(lines) + "\n"


def results_table(palindromes: Sequence[Run], games: Mapping[str, Game]) -> str:
    """What the kept runs reached, as Markdown; every number is a record's."""
    lines = [
        "The course's settings, 100 epochs:",
        "",
        "| cell | T | right on unseen palindromes, mean (lowest to highest) | perfect seeds | seconds a run |",
        "| --- | --- | --- | --- | --- |",
    ]
    groups = defaultdict(list)
    for run in palindromes:
        groups[run.result["length"], run.result["cell"]].append(run.result)
    for (length, cell), runs in sorted(groups.items()):
        shares = [100 * run["accuracy"] for run in runs]
        spread = f"{mean(shares):.1f} % ({min(shares):.1f} to {max(shares):.1f})"
        perfect = sum(share == 100 for share in shares)
        seconds = median(run["seconds"] for run in runs)
        lines.append(f"| `{cell}` | {length} | {spread} | {perfect} of {len(runs)} | {seconds:.0f} |")
    game = games["course"].run.result
    told = f"{100 * game['real_accuracy']:.0f} % of real and {100 * game['fake_accuracy']:.0f} % of generated images"
    return "\n".join(lines) + (
        f"\n\nAfter {game['epochs']} epochs of recipe `course` (one seed, {game['seconds'] / 60:.0f} minutes) the "
        f"discriminator still tells {told}.\n"
    )


def scores_table(games: Mapping[str, Game]) -> str:
    """How good the digits are, as Markdown: each scored generator, real images, blurred ones; empty without scores."""
    scores = {name: game.score for name, game in games.items() if game.score}
    if not scores:
        return ""
    references = next(iter(scores.values()))["rows"]
    rows = {f"`{name}`": score for name, score in scores.items()}
    rows |= {f"`{name}`, no truncation": game.untruncated for name, game in games.items() if game.untruncated}
    rows |= {"real training images (the floor)": references["floor"], "real images, blurred": references["blur"]}
    lines = [
        f"Images against the test images, {references['floor']['n']:,} each, as a frozen classifier sees them "
        "(± standard deviation over several such draws):",
        "",
        "| images | Frechet distance | precision | recall | coverage | classes amiss | the class asked for |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        shares = " | ".join(f"{row[part]:.2f}" for part in ("precision", "recall", "coverage"))
        give = f" ± {row['spread']['fd']:.1f}" if row.get("spread") else ""
        asked = "" if row["agreement"] is None else f"{100 * row['agreement']:.1f} %"
        lines.append(f"| {name} | {row['fd']:.1f}{give} | {shares} | {100 * row['class_tv']:.0f} % | {asked} |")
    return "\n".join(lines) + "\n"
