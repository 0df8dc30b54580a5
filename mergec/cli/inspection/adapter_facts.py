"""What an adapter is: its kind, ranks, scales and targets, from its headers and its configuration."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

import re2

from mergec.adapters.adapter import Adapter
from mergec.adapters.images import diffusers_names
from mergec.adapters.images.diffusers_scale import HeaderScales
from mergec.adapters.images.forms import PARTS_OF_FORMS
from mergec.adapters.peft import names as peft_names
from mergec.adapters.peft.config import PeftConfig
from mergec.adapters.recognise import dialect_of
from mergec.diagnostics import MergecError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mergec.cli.inspection.subject import Subject
    from mergec.ir.source_facts import SourceFacts
    from mergec.ir.strided_view import StridedView

# What begins the name of a part of a module, and the kind of adapter that has it. The first that fits.
_KINDS = {
    "lora_E": "AdaLoRA",
    "lora": "LoRA",
    "hada": "LoHa",
    "lokr": "LoKr",
    "boft": "BOFT",
    "oft": "OFT",
    "ia3": "IA3",
    "on_input": "IA3",
    "vera": "VeRA",
    "ln_tuning": "LN tuning",
    "trainable_tokens": "trainable tokens",
    "a1": "GLoRA",
    "b1": "GLoRA",
    "diff": "full difference",
    "w_norm": "full difference",
    "b_norm": "full difference",
    "q_layer": "T-LoRA",
}
_DORA = ("lora_magnitude_vector", "dora_scale")
# A part whose size along an axis is the rank.
_RANKS = (
    ("lora_A", 0),
    ("lora_embedding_A", 0),
    ("lora_down.weight", 0),
    ("lora_down.0.weight", 0),
    ("hada_w1_b", 0),
    ("lokr_w1_b", 0),
    ("lokr_w2_b", 0),
    ("a1.weight", 1),
    ("vera_lambda_d", 0),
)


@dataclass(frozen=True, slots=True)
class AdaptedModule:
    """A module that the adapter changes. What its kind does not have, or nothing says, is None."""

    path: str
    kind: str
    rank: int | None
    alpha: float | None
    scale: float | None
    tensors: int


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """An adapter as a whole. `full` names the tensors in it that are weights themselves.

    `names` are the names of adapters inside of the keys, `settings` what the configuration says that
    changes the fold, `beside` a file of weights trained along that lies in the folder.
    """

    dialect: str
    modules: tuple[AdaptedModule, ...]
    full: tuple[str, ...]
    names: tuple[str, ...] = ()
    base_model: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    beside: str | None = None

    @property
    def kinds(self) -> dict[str, int]:
        """How many modules there are of each kind."""
        return dict(Counter(module.kind for module in self.modules).most_common())


_SETTINGS = (
    "peft_type",
    "task_type",
    "use_rslora",
    "use_dora",
    "lora_bias",
    "fan_in_fan_out",
    "init_lora_weights",
    "bias",
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
)
# What LLaVA's training writes beside an adapter: whole weights, which are no part of it.
_BESIDE = "non_lora_trainables.bin"
_UNREMARKABLE: tuple[object, ...] = (None, False, "none", [], {})


def adapter_facts(subject: Subject) -> AdapterFacts | None:
    """The facts of an adapter; None for a model."""
    tensors, facts = subject.checkpoint.tensors, subject.facts
    dialect = dialect_of(tensors, facts)
    if dialect is None:
        return None
    modules: dict[str, dict[str, str]] = {}
    full: list[str] = []
    names: dict[str, None] = {}
    for name in tensors:
        module, part, adapter = _taken_apart(name, dialect.name)
        if not part:
            full.append(name)
            continue
        modules.setdefault(module, {})[part] = name
        if adapter:
            names[adapter] = None
    read = _Reader(tensors, facts, dialect.name)
    config = facts.adapter_config or {}
    base = config.get("base_model_name_or_path")
    folder = subject.checkpoint.directory
    return AdapterFacts(
        dialect.name,
        tuple(read.module(path, parts) for path, parts in modules.items()),
        tuple(full),
        tuple(names),
        str(base) if base else None,
        {key: config[key] for key in _SETTINGS if _is_remarkable(key, config.get(key))},
        _BESIDE if folder is not None and (folder / _BESIDE).is_file() else None,
    )


def _is_remarkable(key: str, value: object) -> bool:
    is_default = key == "init_lora_weights" and value is True
    return value not in _UNREMARKABLE and not is_default


def _taken_apart(name: str, dialect: str) -> tuple[str, str, str]:
    """The module, what the tensor is of it (empty for a weight), and the adapter's name inside the key."""
    if dialect == "kohya":
        module, _, part = name.partition(".")
        return module, part, ""
    if dialect == "diffusers":
        found = diffusers_names.taken_apart(name, PARTS_OF_FORMS)
        return ("", "", "") if found is None else (found.module, found.part, "")
    parts = peft_names.taken_apart(name)
    return parts.path, parts.role, parts.adapter


class _Reader:
    """Reads modules of one adapter."""

    def __init__(self, tensors: Mapping[str, StridedView], facts: SourceFacts, dialect: str) -> None:
        self._tensors, self._facts, self._dialect = tensors, facts, dialect
        whole = Adapter(facts.source, {}, facts, None)
        self._header: HeaderScales | None = None
        if dialect == "diffusers":
            try:
                self._header = HeaderScales(whole)
            except MergecError:
                self._header = None
        config = facts.adapter_config or {}
        self._config = PeftConfig(str(config.get("peft_type", "")).upper(), config, whole)

    def module(self, path: str, parts: Mapping[str, str]) -> AdaptedModule:
        """The facts of a module with these parts."""
        rank = self._rank(parts)
        scale = self._scale(path, parts, rank)
        alpha = self._alpha(parts)
        if alpha is None and scale is not None and rank:
            is_rooted = self._dialect == "peft" and self._config.is_on("use_rslora")
            alpha = scale * (rank**0.5 if is_rooted else rank)
        return AdaptedModule(path, _kind(parts), rank, _tidy(alpha), _tidy(scale), len(parts))

    def _rank(self, parts: Mapping[str, str]) -> int | None:
        for part, axis in _RANKS:
            view = self._tensors[parts[part]] if part in parts else None
            if view is not None and len(view.shape) > axis:
                return view.shape[axis]
        return None

    def _alpha(self, parts: Mapping[str, str]) -> float | None:
        view = self._tensors[parts["alpha"]] if "alpha" in parts else None
        if view is None or view.elements != 1:
            return None
        return _quietly(lambda: self._facts.read_values(view)[0])

    def _scale(self, path: str, parts: Mapping[str, str], rank: int | None) -> float | None:
        if not rank:
            return None
        if "alpha" in parts:
            alpha = self._alpha(parts)
            return None if alpha is None else (alpha or rank) / rank
        if self._dialect == "kohya":
            return 1.0
        if self._dialect == "diffusers":
            header = self._header
            return None if header is None else _quietly(lambda: header.scale(path, rank))
        return _quietly(lambda: self._config.scale_of(path, rank))


def _quietly(read: Callable[[], float]) -> float | None:
    """A figure of a configuration or a file that may be broken: then it is not shown."""
    try:
        value = read()
    except (KeyError, TypeError, ValueError, OSError, OverflowError, re2.error, MergecError):
        return None
    return value if isfinite(value) else None


def _kind(parts: Mapping[str, str]) -> str:
    kinds = (kind for start, kind in _KINDS.items() if any(part.startswith(start) for part in parts))
    kind = next(kinds, "IA3" if "weight" in parts else "unknown")
    is_decomposed = any(part in parts for part in _DORA)
    if is_decomposed:
        return "DoRA" if kind == "LoRA" else f"{kind} with DoRA"
    return kind


def _tidy(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
