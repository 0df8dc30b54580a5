"""The results as a page of Markdown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Final

from benchmarks import machine
from benchmarks.account import Account, account_table
from benchmarks.measure import Measurement
from benchmarks.place import Place
from benchmarks.targets import NoBarrier, Within
from benchmarks.work import Work

HEAD = (
    "| work | mergec | peer | its time | ratio | peak memory, mergec | peer | ratio | target | met |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)

PEAK: Final = """Peak memory is the largest resident set of a process of the command, as the kernel counts it.
It includes pages of mapped input files, which the kernel can take back. Without them:
"""


@dataclass(frozen=True)
class Row:
    """One work's outcome: a measurement, or why there is none."""

    work: Work
    title: str
    measured: Measurement | None
    failure: str = ""
    account: Account | None = None

    @property
    def kept(self) -> bool:
        """Whether the row holds what was promised; a row without a promise does, when it ran."""
        if self.measured is None:
            return False
        return self.work.target is None or self.work.target.met(self.measured)

    def line(self) -> str:
        """The row of the table."""
        target = self.work.target.text if self.work.target else ""
        if self.measured is None:
            return f"| {self.title} | failed | {self.work.peer or ''} | | | | | | {target} | **no** |"
        met = ("yes" if self.kept else "**no**") if target else ""
        seconds = f"{self.measured.seconds:.2f} s"
        cells = [self.title, seconds, *_against(self.work, self.measured), target, met]
        return f"| {' | '.join(cells)} |"


def _against(work: Work, measured: Measurement) -> list[str]:
    ours = f"{measured.peak / 1e6:.0f} MB"
    if work.peer is None:
        return ["", "", "", ours, "", ""]
    if measured.refusal:
        return [work.peer, measured.refusal, "", ours, "", ""]
    seconds = median(sample.seconds for sample in measured.theirs)
    peak = median(sample.peak for sample in measured.theirs)
    slowdown = measured.slowdown
    ratio = f"{slowdown:.2f}x the time" if slowdown > 0.5 else f"{1 / slowdown:.1f}x faster"
    if isinstance(work.target, Within):
        return [work.peer, f"{seconds:.2f} s", ratio, ours, "", ""]
    if measured.promise is not None:
        kept = f"{measured.above / 1e6:.1f} of {measured.promise / 1e6:.1f} MB"
        return [work.peer, f"{seconds:.2f} s", "", ours, f"{peak / 1e6:.0f} MB", kept]
    leaner = f"{measured.leaner:.1f}x less"
    return [work.peer, f"{seconds:.2f} s", ratio, ours, f"{peak / 1e6:.0f} MB", leaner]


def table(rows: list[Row]) -> str:
    """The table alone."""
    return "\n".join([HEAD, *(row.line() for row in rows)])


def page(rows: list[Row], place: Place, runs: int, theirs: Mapping[str, str]) -> str:
    """The whole page: how, where and with what it was measured, the table, and what to know about it."""
    quick, disk = machine.filesystem(place.out), machine.filesystem(place.work)
    sharing = f", those with shared blocks on {machine.filesystem(place.sharing)}" if place.sharing else ""
    return f"""# Results

Written by `python -m benchmarks`; not edited by hand. {datetime.now(UTC):%Y-%m-%d}.

- Machine: {machine.describe()}.
- mergec's environment: {_listed(machine.versions())}.
- mergekit's environment: {_listed(theirs)}.
- Whole commands, side by side in pairs, medians of {runs}; a ratio is the median of the pairs' ratios.
- Inputs in the page cache; outputs on {quick}, the durable row's on {disk}{sharing}.

{table(rows)}

{_notes(rows)}{_accounts(rows)}"""


def _accounts(rows: list[Row]) -> str:
    told = [
        (row.title, row.work.peer or "", row.measured, row.account)
        for row in rows
        if row.measured is not None and row.account is not None
    ]
    return f"\n{account_table(told)}\n" if told else ""


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "not used"


def _notes(rows: list[Row]) -> str:
    notes = [PEAK]
    for row in rows:
        if row.measured is None:
            notes.append(f"- {row.title}: failed.\n\n```\n{row.failure}\n```\n")
        elif row.work.peer == "mergekit":
            ours, theirs = (
                median(sample.anonymous for sample in samples) / 1e6
                for samples in (row.measured.ours, row.measured.theirs)
            )
            notes.append(f"- {row.title}: mergec {ours:.0f} MB, {row.work.peer} {theirs:.0f} MB.")
    for row in rows:
        notes += [f"- {row.title}: {text}." for text in _scored(row)]
    return "\n".join(notes) + "\n"


def _scored(row: Row) -> list[str]:
    """The largest score of each side, and what its runs cost the processor."""
    if row.measured is None:
        return []
    sides = {"mergec": row.measured.ours, row.work.peer: row.measured.theirs}
    scores = {
        name: max(sample.score for sample in samples if sample.score is not None)
        for name, samples in sides.items()
        if any(sample.score is not None for sample in samples)
    }
    what = "barrier" if isinstance(row.work.target, NoBarrier) else "likeness"
    told = [f"{name} {score:.6f}" for name, score in scores.items()]
    costs = [f"{name} {median(sample.processor for sample in sides[name]):.1f} s" for name in scores]
    return [f"{what} {', '.join(told)}; processor time {', '.join(costs)}"] if told else []
