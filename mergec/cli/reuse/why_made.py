"""Why a build makes tensors that the output has already: what is not as it was when that was built."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mergec.cli.plan_tensors import summands_of
from mergec.diagnostics import Report, safe
from mergec.ir.numerics import NUMERICS
from mergec.ir.primitive import Reproducibility
from mergec.lock.compare import recipe_differences
from mergec.lock.dequantising_library import library_of
from mergec.lock.found_permutations import vectors_of
from mergec.lock.kept_matches import KeptMatches, match_folder
from mergec.lock.known_keys import known_keys
from mergec.lock.recipe_content import recipe_content
from mergec.lock.torch_build import torch_build
from mergec.lower.bind import bind
from mergec.output.reuse import Why

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mergec.cli.plan_tensors import Summand
    from mergec.cli.reuse.former_build import FormerBuild
    from mergec.ir.plan import PlacedTensor, Plan
    from mergec.lock.lock_model import LockModel
    from mergec.output.manifest import StoredTensor
    from mergec.output.reuse import Reuse
    from mergec.pipeline import Compiled

_MOST_SOURCES = 4
_MOST_PLACES = 2


class MadeAlike(NamedTuple):
    """Tensors that are made for one reason; `kind` is that reason for machines."""

    kind: str
    why: str
    names: tuple[str, ...]


def why_made(
    reuse: Reuse, former: FormerBuild, compiled: Compiled, plan: Plan, contents: Mapping[Path, str]
) -> list[MadeAlike]:
    """The tensors that are not taken from what is there, by the reasons, in the order of the output.

    `contents` are the SHA-256 of weight files, as far as they are known.
    """
    tensors = {number: plan.layout.tensors[number] for number in sorted(reuse.others)}
    otherwise = [tensors[n] for n, why in sorted(reuse.others.items()) if why is Why.MADE_OTHERWISE]
    changes = _Changes(reuse, former, compiled, contents).of(otherwise) if otherwise else {}
    groups: dict[tuple[str, str], list[str]] = {}
    for number, placed in tensors.items():
        why = reuse.others[number]
        kind, text = why.name.lower(), why.value
        if why is Why.FORM and reuse.old is not None:
            text = _form(reuse.old.manifest.tensors[placed.name], placed)
        elif why is Why.MADE_OTHERWISE:
            kind, text = changes[placed.name]
        groups.setdefault((kind, text), []).append(placed.name)
    return [MadeAlike(kind, text, tuple(names)) for (kind, text), names in groups.items()]


def _form(old: StoredTensor, new: PlacedTensor) -> str:
    if old.dtype != new.dtype.code:
        return f"dtype {safe(old.dtype)} -> {new.dtype.code}"
    return f"shape {list(old.shape)} -> {list(new.shape)}"


class _Changes:
    """What changed between two builds, found out by computing keys of the one with the files of the other.

    Where the old recipe leads to the old key with the files of today, its sources are what they were.
    """

    def __init__(
        self, reuse: Reuse, former: FormerBuild, compiled: Compiled, contents: Mapping[Path, str]
    ) -> None:
        assert reuse.old is not None
        self._manifest = reuse.old.manifest
        self._former, self._now, self._contents = former, compiled, contents
        self._then = former.compiled(compiled)

    def of(self, tensors: Sequence[PlacedTensor]) -> dict[str, tuple[str, str]]:
        """The kind and the text of the reason, by the tensor's name."""
        if self._manifest.numerics != NUMERICS:
            why = "numerics", f"version of the arithmetic {self._manifest.numerics} -> {NUMERICS}"
            return {tensor.name: why for tensor in tensors}
        if self._then is None:
            return {tensor.name: ("unknown", "the recipe or its sources are others") for tensor in tensors}
        names = {tensor.name for tensor in tensors}
        keys_then = self._keys(self._then)
        then, now = summands_of(self._then.checked, names), summands_of(self._now.checked, names)
        found = {}
        for tensor in tensors:
            name = tensor.name
            listed, key = self._manifest.tensors[name].key, keys_then.get(name)
            if name not in then or isinstance(key, Why):
                found[name] = "unknown", "the recipe, its sources or its permutations are others"
            elif key == listed:  # the files of then
                found[name] = "recipe", self._recipe_change(then[name], now[name])
            elif key == self._keys_now[name]:  # the recipe of then
                found[name] = self._content_change(tensor, now[name])
            else:
                kind, text = self._content_change(tensor, now[name])
                found[name] = f"recipe and {kind}", f"{self._recipe_change(then[name], now[name])}; {text}"
        return found

    @cached_property
    def _keys_now(self) -> dict[str, str | Why]:
        return self._keys(self._now)

    def _keys(self, compiled: Compiled) -> dict[str, str | Why]:
        checked, files = compiled.checked, compiled.sources.files
        solved = KeptMatches(checked, files, self._contents, match_folder()).find() if checked.matches else {}
        decided = {node: vectors_of(solution) for node, solution in solved.items()}
        return known_keys(checked, files, self._contents, decided)

    def _recipe_change(self, then: Sequence[Summand], now: Sequence[Summand]) -> str:
        before, after = _sources(then), _sources(now)
        if before != after:
            return f"made of {_listed(after)}, and before of {_listed(before)}"
        weights = {one._replace(weight=0.0): one.weight for one in then}
        others = [one for one in now if weights.get(one._replace(weight=0.0)) != one.weight]
        if len(then) == len(now) and all(one._replace(weight=0.0) in weights for one in others) and others:
            names = _sources(others) or [name for one in others for name in one.names]
            return f"weight{'s' if len(names) > 1 else ''} of {_listed(names)}"
        return self._places_in_recipe()

    def _places_in_recipe(self) -> str:
        """For what no weight tells, such as a density or a seed: where the recipe says something else."""
        assert self._then is not None
        then, now = (recipe_content(bind(one.recipe, Report())) for one in (self._then, self._now))
        found = [one.what for one in recipe_differences(then["models"], now["models"])]
        if not found:
            return "computed otherwise: a config or an index beside the weights is another one"
        more = f" and {len(found) - _MOST_PLACES} more" if len(found) > _MOST_PLACES else ""
        return f"recipe: {', '.join(found[:_MOST_PLACES])}{more}"

    def _content_change(self, tensor: PlacedTensor, now: Sequence[Summand]) -> tuple[str, str]:
        lock, sources = self._former.lock, _sources(now)
        if lock is None:
            also = (
                ""
                if tensor.reproducibility is Reproducibility.R0
                else ", or another build of torch, NumPy or a library"
            )
            return "source", f"other bytes in {_listed(sources, 'or')}{also}"
        found = [name for name in sources if self._has_changed(name)]
        if found:
            return "source", f"other bytes in {_listed(found)}"
        if tensor.reproducibility is not Reproducibility.R0 and (tools := self._other_tools(lock)):
            return "tool", ", ".join(tools)
        return "source", f"other bytes in {_listed(sources, 'or')}"

    def _other_tools(self, lock: LockModel) -> list[str]:
        """The libraries that are of another version now than in a lock."""
        checked = self._now.checked
        nodes = (checked.graph[node] for node in checked.graph.reachable(one.node for one in checked.outputs))
        now = {"torch": torch_build(), **dict(filter(None, map(library_of, nodes)))}
        then = {"torch": lock.tool.torch or now["torch"], **lock.tool.libraries}
        return [
            f"{safe(name)} {safe(old)} -> {now[name]}"
            for name, old in then.items()
            if now.get(name, old) != old
        ]

    def _has_changed(self, name: str) -> bool:
        assert self._former.lock is not None
        locked = self._former.lock.sources.get(name)
        source = self._now.sources.sources.get(name)
        if locked is None or source is None:
            return True
        files = (self._now.sources.files[number].path for number in source.files)
        now = {path.relative_to(source.folder).as_posix(): self._contents.get(path) for path in files}
        return now != {file: one.sha256 for file, one in locked.files.items()}


def _sources(summands: Iterable[Summand]) -> list[str]:
    found = dict.fromkeys(part.source for one in summands for part in one.parts if part.source)
    return sorted(found)


def _listed(names: Iterable[str], word: str = "and") -> str:
    *others, last = [f"`{safe(name)}`" for name in names] or ["nothing"]
    if len(others) >= _MOST_SOURCES:
        return f"{len(others) + 1} sources"
    return f"{', '.join(others)} {word} {last}" if others else last
