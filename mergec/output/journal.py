"""The journal of an output that is being made: which tensors are finished.

The first line tells for which layout it is, each other line of one tensor. Every line has a checksum, as
a build may be killed in the middle of one. None is waited for to reach the disk: what is told here is
believed only after the tensor's bytes were hashed again.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from mergec.output.shard_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mergec.ir.plan import OutputLayout

NAME = "mergec.journal"
_MARK = b"mergec-journal-1 "
_CHECKSUM = 16
_LARGEST = 256 << 20
_ENTRY = re.compile("([0-9]{1,9}) ([^ ]*) ([0-9a-f]{64}) (finite|not-finite)")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Entry(NamedTuple):
    """A finished tensor: what it is made from, the digest of its bytes, and whether all values are finite."""

    cause: str
    digest: str
    is_finite: bool


def binding(layout: OutputLayout) -> str:
    """A digest of where every byte of the output goes."""
    hasher = blake3()
    for shard in layout.shards:
        name = os.fsencode(shard.name)
        hasher.update(b"%d %d %d " % (len(name), len(shard.header), shard.size) + name)
        hasher.update(shard.header)
    return hasher.hexdigest()


class Journal:
    """A journal open for more. Any thread may add to it."""

    def __init__(self, path: Path, layout: OutputLayout, entries: Mapping[int, Entry]) -> None:
        """Begin with what is known to be finished.

        What an earlier journal of the same layout tells is overwritten in place: wherever that is cut
        short, there are only lines of the one and the other, and broken ones.

        Raises:
            OSError: the system refuses.
        """
        self.entries = dict(entries)
        self.path, self.layout = path, layout
        self._descriptor = os.open(path, _FLAGS, 0o666)
        try:
            lines = (_line_of(number, entry) for number, entry in sorted(entries.items()))
            text = _first_line(layout) + b"".join(lines)
            write(self._descriptor, 0, memoryview(text))
            os.ftruncate(self._descriptor, os.lseek(self._descriptor, len(text), os.SEEK_SET))
        except OSError:
            self.close()
            raise

    def add(self, number: int, entry: Entry) -> None:
        """A tensor is finished.

        Raises:
            OSError: the system refuses.
        """
        # Where the system takes only a part, that part and the next line are broken: neither is believed.
        os.write(self._descriptor, _line_of(number, entry))
        self.entries[number] = entry

    def close(self) -> None:
        """Close it; doing so twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def back_on_error(journal: Journal | None) -> Iterator[None]:
    """What removes a journal within the context: where it fails afterwards, the journal is written again."""
    try:
        yield
    except BaseException:
        if journal is not None:
            with suppress(OSError):
                Journal(journal.path, journal.layout, journal.entries).close()
        raise


def begin_journal(path: Path) -> None:
    """Make an empty journal: a mark that what will be written beside it is ours.

    Raises:
        OSError: the system refuses, or there is one.
    """
    os.close(os.open(path, _FLAGS | os.O_EXCL, 0o666))


def is_journal(path: Path) -> bool:
    """Whether a file is a journal, or the beginning of one."""
    try:
        with path.open("rb") as stream:
            return _MARK.startswith(stream.read(len(_MARK)))
    except OSError:
        return False


def read_journal(path: Path, layout: OutputLayout) -> dict[int, Entry] | None:
    """What a journal tells of the tensors, by number; None where it is for another layout, or none at all."""
    try:
        with path.open("rb") as stream:
            lines = stream.read(_LARGEST).decode("ascii", "replace").split("\n")
    except OSError:
        return None
    if f"{lines[0]}\n".encode("ascii", "replace") != _first_line(layout):
        return None
    found: dict[int, Entry] = {}
    for payload in map(_payload, lines[1:]):
        told = _ENTRY.fullmatch(payload or "")
        if told is not None and int(told[1]) < len(layout.tensors):
            found[int(told[1])] = Entry(told[2], told[3], told[4] == "finite")
    return found


def of_same_cause(entries: Mapping[int, Entry], causes: Sequence[str]) -> dict[int, Entry]:
    """The tensors that a stopped build says to have finished, and that would be made from the same now."""
    return {number: entry for number, entry in entries.items() if entry.cause == causes[number]}


def _first_line(layout: OutputLayout) -> bytes:
    return _MARK + _line(binding(layout))


def _line_of(number: int, entry: Entry) -> bytes:
    finite = "finite" if entry.is_finite else "not-finite"
    return _line(f"{number} {entry.cause} {entry.digest} {finite}")


def _line(payload: str) -> bytes:
    return f"{_checksum(payload)} {payload}\n".encode()


def _payload(line: str) -> str | None:
    checksum, _, payload = line.partition(" ")
    return payload if checksum == _checksum(payload) else None


def _checksum(text: str) -> str:
    return blake3(text.encode()).hexdigest()[:_CHECKSUM]
