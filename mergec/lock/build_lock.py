"""The lock of a recipe through a build: held to, made use of, and written anew."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Self

from mergec.diagnostics import MergecError, safe
from mergec.ir.primitive import Reproducibility
from mergec.lock.digest_cache import DigestCache, cache_file
from mergec.lock.errors import LockLeft
from mergec.lock.file_stamp import stamp_of
from mergec.lock.found_permutations import decided_vectors, found_permutations, match_nodes
from mergec.lock.kept_manifests import manifest_folder
from mergec.lock.kept_matches import KeptMatches, match_folder
from mergec.lock.lock_file import lock_path, read_lock, write_lock
from mergec.lock.lock_model import LockedOutput
from mergec.lock.recipe_lock import (
    RecipeState,
    check_locked,
    check_output,
    lock_to_refresh,
    refreshed_lock,
)
from mergec.output.manifest import NAME as MANIFEST
from mergec.output.manifest import read_manifest
from mergec.output.old_output import old_file, read_old_output
from mergec.recipe.recipe_model import is_single_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from mergec.diagnostics import Report
    from mergec.ir.graph import CheckedGraph
    from mergec.ir.plan import Plan
    from mergec.lock.lock_file import Lock
    from mergec.lock.lock_model import FoundPermutations, LockedSource, LockModel
    from mergec.output.old_output import OldOutput
    from mergec.recipe.load import Recipe
    from mergec.sources.source_table import SourceTable
    from mergec.symmetries.matching.solution import Solution

_PUBLISHED = "published"
_COPIED = "copied"


class BuildLock:
    """What a build has to do with the lock of its recipe. A context: leaving it ends what it does beside.

    `is_held`: the build must be the one that the lock tells of. `is_written`: it writes the lock anew.
    Sources are digested in any case, as the output's manifest tells what its tensors were made of.
    """

    def __init__(
        self,
        path: Path,
        recipe: Recipe,
        sources: SourceTable,
        checked: CheckedGraph,
        *,
        is_held: bool,
        is_written: bool,
        workers: int,
    ) -> None:
        """Of the recipe at a path."""
        self._path = path
        self._checked, self._files = checked, sources.files
        self._is_held, self._is_written = is_held, is_written
        self._state = RecipeState(path, recipe, sources, checked, workers)
        self._cache = DigestCache(cache_file())
        self._lock: Lock | None = None
        self._is_known = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state.__exit__(kind, error, trace)

    def start(self, report: Report) -> None:
        """Begin to digest what is not known, beside the build, and hold the recipe to its lock if asked.

        A file in the lock's place that must not be replaced is a warning (MC0858), and stays.

        Raises:
            MergecError: MC0850 to MC0855, before anything is written; MC02xx for a file that is not there.
        """
        if self._is_held:
            self._lock = read_lock(self._path)
        elif self._is_written:
            try:
                self._lock = lock_to_refresh(self._path)
            except MergecError as error:
                self._left(error, report)
        self._state.start()
        self._is_known = self._state.is_known
        if self._is_held and self._lock is not None:
            check_locked(self._lock, self._state.model)
            self._is_known = True

    def _left(self, error: MergecError, report: Report) -> None:
        self._is_written = False
        problem = error.diagnostics[0].message
        report.add(LockLeft(path=safe(lock_path(self._path)), problem=problem))

    def keys(self, plan: Plan, solutions: Sequence[Solution], *, waits: bool = False) -> list[str] | None:
        """The keys of the plan's tensors, in its order; None where digests are missing, unless it waits.

        It is worth waiting for them where there is something to take over.

        Raises:
            MergecError: MC02xx, a source changed while it was read.
        """
        if not (self._is_known or waits):
            return None
        keys = self._state.keys(decided_vectors(self._checked, plan.matches, solutions))
        return [keys[tensor.name] for tensor in plan.layout.tensors]

    def sources(self) -> Mapping[str, LockedSource]:
        """The sources with the digests of their files, once all are known.

        Raises:
            MergecError: as `keys`.
        """
        return self._state.model.sources

    def contents(self) -> dict[Path, str]:
        """The SHA-256 of every weight file, once all are known.

        Raises:
            MergecError: as `keys`.
        """
        return self._state.contents()

    def known_matches(self, plan: Plan, *, waits: bool) -> dict[int, Solution]:
        """What earlier builds have found for the matches of a plan, by their numbers in it.

        Nothing, where digests are missing, unless it waits. Where the build is held to a lock, only what it
        tells of counts.

        Raises:
            MergecError: as `keys`.
        """
        if not plan.matches or not (self._is_known or waits):
            return {}
        found = self._matches().find()
        nodes = match_nodes(self._checked, plan.matches)
        return {
            number: found[node]
            for number, (node, task) in enumerate(zip(nodes, plan.matches, strict=True))
            if node in found and self._is_locked(found_permutations([task], [found[node]]))
        }

    def _is_locked(self, found: Mapping[str, FoundPermutations]) -> bool:
        if not self._is_held or self._lock is None:
            return True
        locked = {made: one.found for made, one in self._lock.model.decisions.items() if one.found}
        return all(
            locked[made].permutations == one.permutations for made, one in found.items() if made in locked
        )

    def keep_matches(self, plan: Plan, solutions: Sequence[Solution]) -> None:
        """Keep what was found, for the next build.

        Raises:
            MergecError: as `keys`.
        """
        if plan.matches:
            nodes = match_nodes(self._checked, plan.matches)
            self._matches().keep(dict(zip(nodes, solutions, strict=True)))

    def _matches(self) -> KeptMatches:
        return KeptMatches(self._checked, self._files, self.contents(), match_folder())

    def check_copied(self, folder: Path) -> None:
        """Make sure that the files in a folder that were copied as they are hold what was digested.

        Raises:
            MergecError: MC0204, and as `keys`.
        """
        self._state.check_copied(folder)

    def old_output(self, target: Path) -> OldOutput | None:
        """What can be taken from the output that is there; files as they were published are trusted."""
        return trusted_output(target, self._cache)

    def copied(self, plan: Plan, keys: Sequence[str] | None) -> dict[int, str]:
        """The digests of tensors that are only copied, where an earlier build has found them out."""
        if keys is None:
            return {}
        numbers = _copies(plan)
        found = self._cache.find(_COPIED, [keys[number] for number in numbers])
        return {number: found[keys[number]] for number in numbers if keys[number] in found}

    def remember_copies(self, plan: Plan, keys: Sequence[str] | None, digests: Mapping[int, str]) -> None:
        """Keep the digests of tensors that were only copied: another build need not read them back."""
        if keys is None:
            return
        known = self.copied(plan, keys)
        new = {keys[number]: digests[number] for number in _copies(plan) if number not in known}
        self._cache.add(_COPIED, new)

    def finish(
        self, target: Path, plan: Plan, solutions: Sequence[Solution], merkle: str, report: Report
    ) -> None:
        """The output is at its place: remember its files, and write the lock.

        A lock that cannot be written is a warning (MC0858): the output is there, and as it should be.
        """
        target = target.resolve()  # it is there now, whatever it is called
        is_file = is_single_file(target)
        folder = manifest_folder(target) if is_file else target
        found = read_manifest(folder) if folder is not None else None
        # That of a file may have been left by an earlier build, where there was no room for this one's.
        if found is not None and found.merkle == merkle:
            files = [target] if is_file else [target / shard.name for shard in plan.layout.shards]
            self._cache.add(_PUBLISHED, {str(stamp_of(file)): found.checksum for file in files})
        if self._is_written:
            try:
                write_lock(self._path, self._renewed(target, plan, solutions, merkle))
            except MergecError as error:
                self._left(error, report)

    def _renewed(self, target: Path, plan: Plan, solutions: Sequence[Solution], merkle: str) -> LockModel:
        classes = [tensor.reproducibility for tensor in plan.layout.tensors]
        worst = max(classes, key=lambda one: one.value, default=Reproducibility.R0)
        manifest = (target / MANIFEST).read_bytes() if target.is_dir() else None
        output = LockedOutput(
            class_=worst.value,
            files={shard.name: shard.size for shard in plan.layout.shards},
            merkle=merkle,
            manifest=sha256(manifest).hexdigest() if manifest is not None else None,
        )
        found = found_permutations(plan.matches, solutions)
        return refreshed_lock(self._lock, self._state.model, output, found)

    def check_output(self, plan: Plan, solutions: Sequence[Solution], merkle: str) -> None:
        """Make sure, before it is published, that the output is the one that the lock promises.

        Raises:
            MergecError: MC0857.
        """
        if self._is_held and self._lock is not None:
            check_output(self._lock, merkle, found_permutations(plan.matches, solutions))


def trusted_output(target: Path, cache: DigestCache) -> OldOutput | None:
    """What can be taken from the output at a path; files that the cache knows as published are trusted."""

    def is_unchanged(path: Path, checksum: str) -> bool:
        stamp = str(stamp_of(path))
        return cache.find(_PUBLISHED, [stamp]).get(stamp) == checksum

    target = target.resolve()
    if not is_single_file(target):
        return read_old_output(target, is_unchanged)
    folder = manifest_folder(target) if target.is_file() else None
    manifest = read_manifest(folder) if folder is not None else None
    return old_file(target, manifest, is_unchanged) if manifest is not None else None


def _copies(plan: Plan) -> list[int]:
    """The numbers of the tensors that are copied as they are."""
    computed = {region.tensor for region in plan.regions if not region.is_copy}
    return sorted({region.tensor for region in plan.regions} - computed)
