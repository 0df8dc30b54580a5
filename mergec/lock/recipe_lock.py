"""The lock of a recipe through a run of mergec: what it says, what is there now, what it will say."""

from __future__ import annotations

from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mergec.diagnostics import MergecError, Report
from mergec.lock.compare import compare
from mergec.lock.current_state import current_state
from mergec.lock.digest_cache import DigestCache, cache_file
from mergec.lock.errors import EditedLock, LockMissing, LockOfAnotherRecipe, OutputNotLocked, StaleLock
from mergec.lock.lock_file import read_lock
from mergec.lock.lock_model import LockedDecision
from mergec.lock.read_files import read_files
from mergec.lock.source_digests import SourceDigests
from mergec.lock.tensor_keys import content_names, tensor_keys
from mergec.lower.bind import bind
from mergec.sources.open_file import changed
from mergec.sources.side_config import CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mergec.ir.graph import CheckedGraph, NodeId
    from mergec.lock.lock_file import Lock
    from mergec.lock.lock_model import FoundPermutations, LockedOutput, LockModel
    from mergec.lock.source_digests import FileDigest
    from mergec.lock.tensor_keys import DecidedVectors
    from mergec.recipe.load import Recipe
    from mergec.sources.source_table import SourceTable


class RecipeState:
    """What a compiled recipe and its files are now. A context: leaving it stops the work in the background.

    Files that have changed since they were last digested are read by threads from `start` on; everything
    that needs their digests waits for them.
    """

    def __init__(
        self,
        path: Path,
        recipe: Recipe,
        sources: SourceTable,
        checked: CheckedGraph,
        workers: int = 0,
        progress: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        """Of the recipe at a path. `progress` is told of the bytes that `workers` threads read."""
        self._path, self._sources, self._checked = path, sources, checked
        self._bound = bind(recipe, Report())  # what there is to say was said when the recipe was compiled
        self._read = read_files(self._bound, sources, checked)
        self._digests = SourceDigests(self._read.all(), DigestCache(cache_file()), workers, progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._digests.stop()

    def start(self) -> int:
        """Begin to read; the number of bytes of files whose digests are not known.

        Raises:
            MergecError: MC0201, MC0202, MC0204.
        """
        return self._digests.start()

    @property
    def is_known(self) -> bool:
        """Whether no file has to be read: nothing here waits then."""
        return self._digests.is_known

    @cached_property
    def digests(self) -> list[FileDigest]:
        """The digests of all files: weight files by number, and the others after them.

        Raises:
            MergecError: MC0201, MC0202, MC0204.
        """
        return self._digests.result()

    def contents(self) -> dict[Path, str]:
        """The SHA-256 of every weight file.

        Raises:
            MergecError: as `digests`.
        """
        return {file.path: one.sha256 for file, one in zip(self._read.weights, self.digests, strict=False)}

    def keys(self, decided: Mapping[NodeId, DecidedVectors] | None = None) -> dict[str, str]:
        """The key of every output tensor; `decided` as in tensor_keys.

        Raises:
            MergecError: as `digests`.
        """
        return tensor_keys(self._checked, self._contents, decided) if decided else self._undecided_keys

    @cached_property
    def _undecided_keys(self) -> dict[str, str]:
        return tensor_keys(self._checked, self._contents)

    @property
    def _contents(self) -> list[str]:
        weights = [one.sha256 for one in self.digests[: len(self._read.weights)]]
        return content_names(self._read.weights, weights)

    def check_copied(self, folder: Path) -> None:
        """Make sure that the files in a folder that were copied as they are hold what was digested.

        Raises:
            MergecError: MC0204 where one was written to in between, and as `digests`.
        """
        for place, digest in zip(self._read.copied, self.digests[len(self._read.weights) :], strict=False):
            copy = folder / place
            if place != Path(CONFIG) and copy.is_file() and _sha256(copy) != digest.sha256:
                raise MergecError([changed(self._read.copied[place].file, "it was written to")])

    @cached_property
    def model(self) -> LockModel:
        """What the lock would say, without an output.

        Raises:
            MergecError: as `digests`.
        """
        keys = self._undecided_keys
        return current_state(
            self._path, self._bound, self._sources, self._checked, self._read, self.digests, keys
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def lock_to_refresh(recipe: Path) -> Lock | None:
    """The lock that a new one will replace; None where there is none, or none to be believed.

    Raises:
        MergecError: MC0851, MC0852 and MC0854, for a file that must not be replaced.
    """
    try:
        return read_lock(recipe)
    except MergecError as error:
        for one in error.diagnostics:
            is_left_over = isinstance(one, LockOfAnotherRecipe) and not recipe.with_name(one.other).exists()
            if not (isinstance(one, LockMissing | EditedLock) or is_left_over):
                raise
    return None


def check_locked(lock: Lock, now: LockModel) -> None:
    """Make sure that a lock still holds.

    Raises:
        MergecError: MC0855, one for each thing that differs.
    """
    found = compare(lock.model, now)
    help_ = "if that is meant, renew the lock with `mergec lock` or a build, and look at what changed in it"
    if found:
        raise MergecError(
            [
                StaleLock(span=lock.span(*path), what=what, help=None if at else help_)
                for at, (path, what) in enumerate(found)
            ]
        )


def refreshed_lock(
    old: Lock | None,
    now: LockModel,
    output: LockedOutput | None = None,
    found: Mapping[str, FoundPermutations] | None = None,
) -> LockModel:
    """The lock to write: of what is there now, with what a build wrote and found by matching.

    Without a build, these stay as they are in a lock that still holds. A lock in which nothing would
    change stays the same to the byte, whatever version of mergec wrote it.
    """
    is_same = old is not None and not compare(old.model, now)
    if output is None:
        return old.model if old is not None and is_same else now
    decisions = dict(now.decisions)
    for made, one in (found or {}).items():
        decisions[made] = decisions.get(made, LockedDecision()).model_copy(update={"found": one})
    update = {"output": output, "decisions": dict(sorted(decisions.items()))}
    if old is not None and is_same and old.model == old.model.model_copy(update=update):
        return old.model
    return now.model_copy(update=update)


def check_output(lock: Lock, merkle: str, found: Mapping[str, FoundPermutations] | None = None) -> None:
    """Make sure, before it is published, that an output is the one that a lock promises, if it does.

    Raises:
        MergecError: MC0857.
    """
    for made, one in (found or {}).items():
        locked = lock.model.decisions.get(made, LockedDecision()).found
        if locked is not None and locked.permutations != one.permutations:
            span = lock.span("decisions", made, "found")
            what = f"the match for `{made}` found other permutations"
            raise MergecError([OutputNotLocked(span=span, what=what)])
    if lock.model.output is not None and lock.model.output.merkle != merkle:
        span = lock.span("output", "merkle")
        raise MergecError([OutputNotLocked(span=span, what="its tensors hold other bytes")])
