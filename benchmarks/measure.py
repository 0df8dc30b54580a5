"""Timing whole commands, and two of them side by side."""

import json
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
READ_BLOCK: Final = 1 << 24
BACKED: Final = 8_000_000_000
KILLED: Final = 256 - 9  # by the system
NO_MEMORY: Final = ("MemoryError", "allocate memory")
OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
# Packages that pip has installed are compiled; with this, ours would be compiled anew in every run.
UNCOMPILED: Final = "PYTHONDONTWRITEBYTECODE"


def back_free_memory() -> None:
    """Touch as much free memory as any measured command takes, and give it back.

    A virtual machine may have returned free memory to its host. To get it again takes as long as several
    copies of it: a matter of what ran before, not of the command.
    """
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    anonymous = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    mmap.mmap(-1, min(BACKED, free * 9 // 10), flags=anonymous | getattr(mmap, "MAP_POPULATE", 0)).close()


class CommandFailedError(Exception):
    """A measured command ended with another exit code than 0."""


class OutOfMemoryError(CommandFailedError):
    """It ended so because there was not enough memory."""


@dataclass(frozen=True)
class Sample:
    """What one run of a command took, and how good its output is, if that differs. Sizes in bytes.

    `processor` is the time of all cores together: what a busy machine does not change much.
    """

    seconds: float
    processor: float
    peak: int
    anonymous: int
    score: float | None = None


@dataclass(frozen=True)
class Command:
    """A command to measure, with what it writes and what must be gone before each run.

    `before` are commands that have to be run first, which are not measured.
    `promise` is the peak memory that it says it will need above its interpreter and libraries, in bytes.
    `score` tells how good its output is.
    """

    argv: Sequence[str]
    output: Path | None = None
    leftovers: tuple[Path, ...] = ()
    cwd: Path | None = None
    promise: int | None = None
    score: Callable[[Path], float] | None = None
    before: tuple[Sequence[str], ...] = ()

    def clear(self) -> None:
        """Remove what an earlier run left."""
        for path in (self.output, *self.leftovers):
            if path is None:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)

    def make_ready(self) -> None:
        """Remove what an earlier run left, and run what has to be run before."""
        self.clear()
        for argv in self.before:
            try:
                subprocess.run(argv, capture_output=True, text=True, check=True, cwd=self.cwd)
            except subprocess.CalledProcessError as error:
                raise CommandFailedError(f"{' '.join(argv)}\n{error.stderr[-2000:]}") from error
        os.sync()  # an earlier run's dirty pages are not this one's to write
        back_free_memory()

    def run(self) -> Sample:
        """One run from a clean slate. What it wrote is removed again: a tmpfs holds one output at a time."""
        self.make_ready()
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(LAUNCHER), *self.argv],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.cwd,
            env={name: value for name, value in os.environ.items() if name != UNCOMPILED} | OFFLINE,
        )
        if done.returncode != 0:
            self.clear()
            said = done.stderr[-2000:]
            is_memory = done.returncode == KILLED or any(words in said for words in NO_MEMORY)
            failure = OutOfMemoryError if is_memory else CommandFailedError
            raise failure(f"{' '.join(self.argv)}\nended with {done.returncode}:\n{said}")
        score = self.score(self.output) if self.score is not None and self.output is not None else None
        self.clear()
        return Sample(**json.loads(done.stdout.splitlines()[-1]), score=score)


@dataclass(frozen=True)
class Measurement:
    """The runs of one work: ours, and the peer's where there is one, in pairs.

    `refusal` says why the peer has none, where it does not run.
    """

    ours: list[Sample] = field(default_factory=list)
    theirs: list[Sample] = field(default_factory=list)
    imports_torch: bool | None = None
    promise: int | None = None
    refusal: str = ""

    @property
    def above(self) -> float:
        """Our peak memory above the peer's, in bytes: the median of the pairs' differences."""
        return median(a.peak - b.peak for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def seconds(self) -> float:
        """Our median wall time."""
        return median(sample.seconds for sample in self.ours)

    @property
    def peak(self) -> float:
        """Our median peak memory, in bytes."""
        return median(sample.peak for sample in self.ours)

    @property
    def slowdown(self) -> float:
        """Our time over the peer's: the median of the pairs' ratios."""
        return median(a.seconds / b.seconds for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def leaner(self) -> float:
        """The peer's peak memory over ours: the median of the pairs' ratios."""
        return median(b.peak / a.peak for a, b in zip(self.ours, self.theirs, strict=True))


def side_by_side(ours: Command, theirs: Command | None, runs: int) -> Measurement:
    """Alternate the two commands, so that the machine's mood falls on both.

    A peer that has not enough memory is not asked again.
    """
    measurement = Measurement(promise=ours.promise)
    for _ in range(runs):
        measurement.ours.append(ours.run())
        if theirs is not None and not measurement.refusal:
            try:
                measurement.theirs.append(theirs.run())
            except OutOfMemoryError:
                measurement.theirs.clear()
                measurement = replace(measurement, refusal="does not run: out of memory")
    return measurement


def imports_torch(command: Command) -> bool:
    """Whether a command that is a Python script imports torch, by the interpreter's own account."""
    command.make_ready()
    argv = [sys.executable, "-X", "importtime", *command.argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=command.cwd)
    command.clear()
    return any(line.rpartition("|")[2].strip() == "torch" for line in done.stderr.splitlines())


def warm(place: Path) -> None:
    """Read a file, or every file under a folder, once, so that it is in the page cache."""
    buffer = bytearray(READ_BLOCK)
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass
