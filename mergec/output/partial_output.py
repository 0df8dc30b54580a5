"""The output while it is being made: beside its final place, and complete before it is moved there."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Self

from mergec.output.background_disk import BackgroundDisk
from mergec.output.claimed_place import ClaimedPlace
from mergec.output.copies import Copies
from mergec.output.durable import sync, sync_tree
from mergec.output.journal import Entry, Journal, back_on_error, of_same_cause
from mergec.output.kept_tensors import (
    Threads,
    empty_tensors,
    journaled_tensors,
    linked_shards,
    made_anyway,
    tensors_to_copy,
)
from mergec.output.manifest import merkle_of, write_manifest
from mergec.output.refusals import refusals_told
from mergec.output.same_tree import is_same_tree
from mergec.output.shard_files import ShardFiles, like_shards
from mergec.output.side_files import copy_side_files
from mergec.output.swap import check_replaceable, publish
from mergec.output.tensor_digests import TensorDigests

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from mergec.ir.config_edit import SideChange
    from mergec.ir.plan import OutputLayout
    from mergec.output.old_output import OldOutput


class PartialOutput:
    """Shard files at their full size, open for writing at any position. A context: leaving it ends the work.

    A single-file output is a `.partial` file beside the final one, a directory output a `.partial`
    directory. Where a build stops after a tensor is finished, that stays there with a journal, for the next
    build to go on from. `entries` tells of the tensors that are finished, by number.
    """

    def __init__(
        self, target: Path, layout: OutputLayout, *, is_single_file: bool, is_fresh: bool = False
    ) -> None:
        """Make the files, or take over those that a stopped build left, unless this one is to be fresh.

        Raises:
            MergecError: MC0803 when there is no room; MC0804 when the system refuses; MC0805 when
                another build is at work there; MC0801 when what is there is not from mergec.
        """
        self._target = target = target.resolve()  # what a link leads to is replaced, not the link
        self._is_single_file = is_single_file
        self._layout = layout
        self._place = ClaimedPlace(target, is_single_file=is_single_file)
        self.path = self._place.path
        paths = [self.path if is_single_file else self.path / shard.name for shard in layout.shards]
        self._files = ShardFiles(paths, layout.shards)
        self._disk = BackgroundDisk()
        self._digests = TensorDigests(layout, self._files.read)
        self._causes: Sequence[str] = [""] * len(layout.tensors)
        self._keys: Sequence[str] | None = None
        self._journal: Journal | None = None
        self._copies = Copies(layout, self._files, self._note_finished)
        self._is_done = False
        self.entries: dict[int, Entry] = {}
        with refusals_told(self.path), self._gone_on_error():
            target.parent.mkdir(parents=True, exist_ok=True)
            self._place.claim(layout, is_fresh=is_fresh)
            old = target.parent if is_single_file else target
            self._files.check_room(target.parent, () if is_fresh else like_shards(old, layout))
            self._place.clear_all_but(paths)
            self._files.create()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        kept = self.discard()
        if error is not None and kept:
            error.add_note(kept)

    @property
    def remark(self) -> str:
        """What became of what a stopped build left, if it could not be used."""
        return self._place.remark

    @property
    def merkle(self) -> str:
        """One digest of all tensors, once they are finished."""
        return merkle_of(self._layout, self.entries)

    @property
    def not_finite(self) -> list[int]:
        """The numbers of the finished tensors in which some value is no finite number."""
        return sorted(number for number, entry in self.entries.items() if not entry.is_finite)

    def begin(
        self,
        causes: Sequence[str],
        *,
        keys: Sequence[str] | None = None,
        old: OldOutput | None = None,
        copied: Mapping[int, str] | None = None,
        workers: int = 1,
        reserve: bool = False,
        meanwhile: Callable[[Collection[int]], None] = lambda _made: None,
    ) -> list[int]:
        """Find out which tensors need no work, and note in a journal from now on which are finished.

        `causes` tells of each tensor what its bytes are made from, as far as builds on this machine have to
        know: only tensors of the same cause are taken from a stopped build. `keys` tells the same for all
        machines and times, and decides what is taken from the `old` output. `copied` are known digests of
        tensors that are only copied. `reserve` has room set aside in the background. `meanwhile` is called
        while threads hash or copy, with the numbers of tensors that must be made whatever they find.

        Returns the numbers of the tensors that need no work; those without elements are none. Some are still
        being copied from the old output: `await_copies` tells whether all of them arrive.

        Raises:
            MergecError: MC0804 when the system refuses.
        """
        self._causes, self._keys = causes, keys
        self._digests.known = copied or {}
        journaled = of_same_cause(self._place.journaled, causes)
        threads = Threads(workers, cache(lambda: meanwhile(made_anyway(self._layout, journaled, keys, old))))
        with refusals_told(self.path):
            linked = empty_tensors(self._layout, causes)
            if old is not None and keys is not None:
                linked |= linked_shards(self._layout, self._link, keys, old, threads)
            self._files.check_room(self._target.parent, self._files.linked)
            claimed = {number: entry for number, entry in journaled.items() if number not in linked}
            here = journaled_tensors(self._layout, self._files, claimed, threads)
            self._journal = Journal(self._place.journal_path, self._layout, here)
            self.entries = linked | here
            kept = {number for number in self.entries if self._layout.tensors[number].nbytes}
            taken = tensors_to_copy(self._layout, kept, keys, old)
            if len(self.entries) < len(self._layout.tensors):
                check_replaceable(self._target)
            if reserve:
                self._reserve(taken)
            if old is not None and taken:
                self._copies.start(old, taken, causes, workers)
                threads.meanwhile()
        return sorted(kept | taken.keys())

    def await_copies(self) -> list[int]:
        """Wait for what is copied from the old output; the numbers of tensors that must be made after all.

        Raises:
            MergecError: MC0804 when the system refuses.
        """
        with refusals_told(self.path):
            return self._copies.finish()

    def _link(self, shard: int, file: Path) -> bool:
        if self._is_single_file:
            self._is_done = True  # where there is one file, and it is the same, nothing is replaced at all
            self._files.linked.add(shard)
        return self._is_single_file or self._files.link(shard, file)

    def _reserve(self, copied: Collection[int]) -> None:
        shards = {one.shard for number, one in enumerate(self._layout.tensors) if number not in self.entries}
        # Blocks that files share need no room of their own, and copies would wait for what they overwrite.
        for shard in sorted(shards - {self._layout.tensors[number].shard for number in copied}):
            self._disk.reserve(self._files.descriptors[shard], self._layout.shards[shard].size)

    def fileno(self, shard: int) -> int:
        """The descriptor of a shard's file."""
        return self._files.descriptors[shard]

    def write_at(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Write all of the buffer.

        Raises:
            MergecError: MC0804 when the system refuses.
        """
        with refusals_told(self._files.paths[shard]):
            self._disk.raise_failure()
            self._files.write(shard, offset, buffer)
        self._digests.note_written(shard, offset, buffer)
        self._disk.note_written(self._files.descriptors[shard], len(buffer))

    def note_copied(self, shard: int, offset: int, nbytes: int, scratch: memoryview) -> None:
        """The kernel has written these bytes of a shard's file.

        Raises:
            MergecError: MC0804 when they cannot be read back.
        """
        with refusals_told(self._files.paths[shard]):
            self._digests.note_copied(shard, offset, nbytes, scratch)

    def note_done(self, tensor: int, nbytes: int, scratch: memoryview, *, is_finite: bool) -> None:
        """So many more bytes of a tensor are in its file; `is_finite` tells of all those that are there.

        Raises:
            MergecError: MC0804 when some cannot be read back, or the journal not be written.
        """
        with refusals_told(self._files.paths[self._layout.tensors[tensor].shard]):
            digest = self._digests.note_done(tensor, nbytes, scratch)
        if digest is not None:
            self._note_finished(tensor, Entry(self._causes[tensor], digest, is_finite))

    def _note_finished(self, tensor: int, entry: Entry) -> None:
        self.entries[tensor] = entry
        if self._journal is not None:
            with refusals_told(self._place.journal_path):
                self._journal.add(tensor, entry)

    def add_side_files(
        self, origins: Mapping[Path, Path], config: Mapping[str, object], changes: Sequence[SideChange]
    ) -> None:
        """Copy config, tokenizer and other files, each from its folder, into a directory output.

        Raises:
            MergecError: MC0804 when one cannot be read or written.
        """
        with refusals_told(self.path):
            copy_side_files(origins, self.path, self._layout, config, changes)

    def add_files(self, contents: Mapping[str, bytes]) -> None:
        """Write files that tell of the output into a directory output, by their names.

        Raises:
            MergecError: MC0804 when one cannot be written.
        """
        for name, content in contents.items():
            with refusals_told(self.path / name):
                (self.path / name).write_bytes(content)

    def publish(self, index: str | None, keys: Sequence[str] | None = None) -> None:
        """Write index and manifest, make everything durable, then move it to its place in one step.

        Where that would change nothing, what is there stays. `keys` are those that `begin` is told of, if
        they were not known then.

        Raises:
            MergecError: MC0804 when the system refuses.
        """
        with refusals_told(self.path):
            self._disk.finish()
            if self._is_done:
                return
            self._files.sync()
            if index is not None:
                (self.path / "model.safetensors.index.json").write_text(index, "utf-8")
            if not self._is_single_file:
                write_manifest(self.path, self._layout, self.entries, keys or self._keys)
            self._move()

    def _move(self) -> None:
        place = self._place
        self._close_files()
        place.lock_target()
        with back_on_error(self._journal):
            place.journal_path.unlink(missing_ok=True)
            if not self._is_single_file:
                if is_same_tree(self.path, self._target):
                    self._is_done = True
                    place.remove()  # now: without these links to them, its files are as they will stay
                    return
                sync_tree(self.path)
            publish(self.path, self._target)
        self._is_done = True
        place.leave()
        with suppress(OSError):  # it is there; whether that outlasts a loss of power, nobody can tell now
            sync(self._target.parent)

    def discard(self) -> str:
        """End the work. Where nothing is finished, nothing stays; else the text tells what is kept where."""
        self._close_files()
        count = len(self._journal.entries if self._journal is not None else self._place.journaled)
        is_kept = count > 0 and not self._is_done
        self._place.release(keep=is_kept)
        if not is_kept:
            return ""
        total = len(self._layout.tensors)
        return f"kept {count} of {total} tensors in {self.path}; the next build goes on from there"

    def _close_files(self) -> None:
        self._copies.stop()
        with suppress(OSError):  # told by `publish`; what is discarded may fail
            self._disk.finish()
        self._files.close()
        if self._journal is not None:
            self._journal.close()

    @contextmanager
    def _gone_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard()
            raise
