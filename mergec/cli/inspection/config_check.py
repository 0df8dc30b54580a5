"""What config.json says of the weights, beside what the file holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mergec.cli.inspection.parts import longest_list
from mergec.components.config_keys import configured, value_at
from mergec.components.joints import joints_of
from mergec.components.layout import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.cli.inspection.parts import Part, Parts
    from mergec.components.joints import Figure, Joints

_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "depth")
_WIDTH = ("hidden_size", "n_embd", "d_model", "embed_dim")
# In Qwen2-VL `hidden_size` beside `embed_dim` is the width of the language model.
_TOWER_WIDTH = ("embed_dim", *_WIDTH[:-1])
_DTYPE = ("dtype", "torch_dtype")
_VISION_TOWER = "mm_vision_tower"
_TIED = "tie_word_embeddings"


@dataclass(frozen=True, slots=True)
class ConfigLine:
    """One key of config.json and the same thing in the file. `where` says where in the file."""

    key: str
    config: object
    file: object
    where: str

    @property
    def agrees(self) -> bool:
        """Whether both say the same; a list has the number once for each axis."""
        if isinstance(self.config, list) and self.config:
            return all(one == self.file for one in self.config)
        return self.config == self.file


def config_lines(parts: Parts, config: Mapping[str, object]) -> list[ConfigLine]:
    """All keys of which the file says something too."""
    if not config or parts.grouping.layout is None:
        return []
    reading = _Reading(parts, config, parts.grouping.layout.config)
    return [*reading.language(), *reading.towers(), *reading.whole()]


def named_elsewhere(parts: Parts, config: Mapping[str, object]) -> dict[str, str]:
    """Towers that the file lacks because they are loaded from the model that config.json names."""
    name = config.get(_VISION_TOWER)
    is_missing = parts.grouping.layout is not None and parts.part("vision_tower") is None
    return {"vision_tower": name} if is_missing and isinstance(name, str) and name else {}


@dataclass(frozen=True, slots=True)
class _Reading:
    parts: Parts
    config: Mapping[str, object]
    root: tuple[str, ...]

    def find(self, *keys: str) -> object:
        return value_at(self.config, (*self.root, *keys))

    def language(self) -> Iterator[ConfigLine]:
        joints = self.joints
        sections = configured()["language_model"].parts
        yield from self._figure(sections, _WIDTH, joints.hidden_size)
        yield from self._figure(sections, ("vocab_size",), self._words(joints.embedding_rows))
        yield from self._layers(sections, self.parts.part("language_model"))

    def towers(self) -> Iterator[ConfigLine]:
        for name, tower in self.joints.towers.items():
            sections = configured()[name].parts
            yield from self._figure(sections, _TOWER_WIDTH, tower.width, is_inside=True)
            for key in configured()[name].width_keys:
                yield from self._figure([], (key,), tower.width)
            yield from self._figure(sections, ("patch_size",), tower.patch_size, is_inside=True)
            yield from self._layers(sections, self.parts.part(name), is_inside=True)

    def whole(self) -> Iterator[ConfigLine]:
        sizes: dict[str, int] = {}
        for part in self.parts.parts:
            for view in part.tensors.values():
                if view.dtype.is_float:
                    sizes[str(view.dtype)] = sizes.get(str(view.dtype), 0) + view.elements
        for path, value in self._values([], _DTYPE):
            if isinstance(value, str) and sizes:
                most = max(sizes, key=lambda dtype: sizes[dtype])
                yield ConfigLine(path, value.removeprefix("torch."), most, "most parameters")
        if self.parts.part("language_model") is None:
            return
        head = self.parts.part("head")
        for path, value in self._values([], (_TIED,)):
            if isinstance(value, bool):
                where = next(iter(head.tensors)) if head is not None else "no head"
                yield ConfigLine(path, value, head is None, where)

    @property
    def joints(self) -> Joints:
        return joints_of(self.parts.grouping, self.parts.shapes, self.config)

    def _words(self, rows: Figure | None) -> Figure | None:
        """The rows of the embeddings, but for those that a family has beyond its `vocab_size`."""
        added = table()["vocabulary"]["added_rows"].get(self.config.get("model_type"), 0)
        if rows is None or not added:
            return rows
        where = f"{rows.where} without the {added} rows that the family adds"
        return replace(rows, value=rows.value - added, where=where)

    def _layers(
        self, sections: Sequence[str], part: Part | None, *, is_inside: bool = False
    ) -> Iterator[ConfigLine]:
        if part is None or not part.layers:
            return
        for path, value in self._values(sections, _LAYERS, is_inside=is_inside):
            yield ConfigLine(path, value, longest_list(part.tensors), f"layers of the {part.title}")

    def _figure(
        self,
        sections: Sequence[str],
        keys: tuple[str, ...],
        figure: Figure | None,
        *,
        is_inside: bool = False,
    ) -> Iterator[ConfigLine]:
        if figure is None or not figure.is_tensor:
            return
        for path, value in self._values(sections, keys, is_inside=is_inside):
            yield ConfigLine(path, value, figure.value, figure.where)

    def _values(
        self, sections: Sequence[str], keys: tuple[str, ...], *, is_inside: bool = False
    ) -> Iterator[tuple[str, object]]:
        """The first of the keys that is there: in a section first, and outside unless `is_inside`."""
        places: list[tuple[str, ...]] = [(section, key) for section in sections for key in keys]
        places += [] if is_inside else [(key,) for key in keys]
        for place in places:
            value = self.find(*place)
            if value is not None:
                yield ".".join((*self.root, *place)), value
                return
