"""What each side of a work takes its time for, as a table of its own."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

from benchmarks.measure import Measurement, Sample

NOTE: Final = """Where the time goes. *After the start* is the whole command less its *start*: an interpreter
that only imports what the command does. The figures after that are seconds of a single core, from a run of
its own with one thread; *writing* is permuting and writing the model.
"""


class Side(NamedTuple):
    """Seconds of one side: of its start, and with one core those of its parts, if it ran with one."""

    start: float
    parts: Mapping[str, float]


class Account(NamedTuple):
    """Of both sides."""

    ours: Side
    theirs: Side


def account_table(rows: Sequence[tuple[str, str, Measurement, Account]]) -> str:
    """The accounts of (title, peer, measurement, account) as a table; a ratio is of medians."""
    names = list(dict.fromkeys(name for *_, account in rows for name in account.ours.parts))
    heads = ["pair", "side", "whole command", "after the start", "likeness", "start", *names]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for title, peer, measured, account in rows:
        ours, theirs = _work(measured.ours, account.ours), _work(measured.theirs, account.theirs)
        lines.append(_line(title, "mergec", ours, measured.ours, account.ours, names))
        if theirs is None or ours is None:
            lines.append(f"| | {peer} | {measured.refusal} |{' |' * (len(heads) - 3)}")
            continue
        lines.append(_line("", peer, theirs, measured.theirs, account.theirs, names))
        whole = _median(measured.theirs) / _median(measured.ours)
        lines.append(f"| | ratio | {whole:.2f}x | {theirs / ours:.2f}x |{' |' * (len(heads) - 4)}")
    return "\n".join([NOTE, *lines])


def _line(
    title: str, name: str, work: float | None, samples: Sequence[Sample], side: Side, names: Sequence[str]
) -> str:
    score = next((sample.score for sample in samples if sample.score is not None), None)
    cells = [title, name, f"{_median(samples):.2f} s", f"{work:.2f} s", f"{score:.6f}", f"{side.start:.2f} s"]
    cells += [f"{side.parts[part]:.2f} s" if part in side.parts else "" for part in names]
    return f"| {' | '.join(cells)} |"


def _work(samples: Sequence[Sample], side: Side) -> float | None:
    return _median(samples) - side.start if samples else None


def _median(samples: Sequence[Sample]) -> float:
    return median(sample.seconds for sample in samples)
