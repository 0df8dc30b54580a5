"""adapter_config.json, as far as a fold needs it."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import re2

from mergec.adapters.errors import BadAdapterConfig, BadScale
from mergec.diagnostics import MergecError, Report, safe
from mergec.recipe.finite_number import described
from mergec.sources.side_config import ADAPTER_CONFIG, read_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.adapters.adapter import Adapter
    from mergec.diagnostics import Diagnostic

# The keys of the rank and of alpha, for the kinds that are scaled by them.
_NUMBERS = {
    "LORA": ("r", "lora_alpha"),
    "ADALORA": ("init_r", "lora_alpha"),
    "LOHA": ("r", "alpha"),
    "LOKR": ("r", "alpha"),
}
_SWITCHES = ("use_rslora", "use_dora", "fan_in_fan_out", "lora_bias")
_LARGEST_RANK = 1 << 20
_SAVE = "save the adapter again with `save_pretrained`, or copy its adapter_config.json into `{folder}`"


@dataclass(frozen=True, slots=True)
class PeftConfig:
    """An adapter's configuration. `values` is the file's whole content."""

    kind: str
    values: Mapping[str, Any]
    adapter: Adapter

    @property
    def alpha(self) -> float:
        """`lora_alpha`, or `alpha`, as LoHa and LoKr call it."""
        return float(self.values[_NUMBERS[self.kind][1]])

    @property
    def rank(self) -> int:
        """The rank of modules that no pattern names."""
        return int(self.values[_NUMBERS[self.kind][0]])

    def is_on(self, key: str) -> bool:
        """Whether a switch is on, or an optional part of the configuration given."""
        return bool(self.values.get(key))

    def rank_of(self, path: str) -> int:
        """The rank that the configuration gives a module."""
        return int(_by_pattern(self.values.get("rank_pattern"), path, self.rank))

    def scale_of(self, path: str, rank: int) -> float:
        """The factor of a module's product of factors: alpha / rank, or alpha / sqrt(rank)."""
        alpha = float(_by_pattern(self.values.get("alpha_pattern"), path, self.alpha))
        return alpha / math.sqrt(rank) if self.is_on("use_rslora") else alpha / rank

    def module_names(self, key: str) -> list[str]:
        """A list of module names; a single name where the file holds a text."""
        value = self.values.get(key)
        names = [value] if isinstance(value, str) else value
        return [str(name) for name in names] if isinstance(names, list) else []


def read_peft_config(adapter: Adapter) -> PeftConfig:
    """The configuration of a PEFT adapter.

    Raises:
        MergecError: MC0290 or MC0335.
    """
    values = adapter.facts.adapter_config
    if values is None:
        raise MergecError(_missing(adapter))
    kind = values.get("peft_type")
    if not isinstance(kind, str):
        raise _refused(adapter, "it has no `peft_type`")
    return PeftConfig(kind.upper(), values, adapter)


def check_scales(config: PeftConfig) -> None:
    """Make sure that ranks and scales can be told.

    Raises:
        MergecError: MC0335 or MC0338.
    """
    _check_switches(config)
    _check_numbers(config)
    _check_patterns(config)
    if isinstance(config.values.get("feedforward_modules"), str):
        _check_expression("feedforward_modules", config.values["feedforward_modules"], config)


def _missing(adapter: Adapter) -> tuple[Diagnostic, ...]:
    """What is wrong with the file, if it is there; else that it is not."""
    report = Report()
    read_config(adapter.facts.folder, adapter.span, report, ADAPTER_CONFIG)
    return report.diagnostics or _refused(adapter, "it is missing").diagnostics


def _refused(adapter: Adapter, problem: str) -> MergecError:
    advice = _SAVE.format(folder=safe(adapter.facts.folder))
    return MergecError(
        [BadAdapterConfig(span=adapter.span, adapter=adapter.name, problem=problem, help=advice)]
    )


def _check_switches(config: PeftConfig) -> None:
    """A text or a number in the place of a switch would be taken for "on"."""
    for key in _SWITCHES:
        value = config.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise _refused(config.adapter, f"`{key}` is {described(value)}, not true or false")


def _check_numbers(config: PeftConfig) -> None:
    adapter, values = config.adapter, config.values
    if config.kind not in _NUMBERS:
        return
    rank, alpha = _NUMBERS[config.kind]
    if not _is_rank(values.get(rank)):
        raise _refused(adapter, f"`{rank}` is {described(values.get(rank))}, not a whole number above 0")
    if values.get(alpha) is None:
        raise _unscaled(adapter, f"adapter_config.json has no `{alpha}`")
    if not _is_scale(values[alpha]):
        raise _unscaled(adapter, f"`{alpha}` in adapter_config.json is {described(values[alpha])}")


def _unscaled(adapter: Adapter, problem: str) -> MergecError:
    advice = "write the value that the adapter was trained with into adapter_config.json"
    return MergecError([BadScale(span=adapter.span, adapter=adapter.name, problem=problem, help=advice)])


def _check_patterns(config: PeftConfig) -> None:
    """Rank and alpha patterns; AdaLoRA keeps something else under `rank_pattern`, which no fold needs."""
    for key in ("alpha_pattern", *(() if config.kind == "ADALORA" else ("rank_pattern",))):
        patterns = config.values.get(key) or {}
        if not isinstance(patterns, dict):
            raise _refused(config.adapter, f"`{key}` is no mapping")
        for pattern, value in patterns.items():
            if not (_is_scale(value) if key == "alpha_pattern" else _is_rank(value)):
                raise _refused(config.adapter, f"`{key}` gives `{pattern}` {described(value)}")
            _check_expression(key, pattern, config)


def _check_expression(key: str, pattern: str, config: PeftConfig) -> None:
    try:
        path_expression(pattern)
    except re2.error:
        raise _refused(config.adapter, f"`{key}`: `{pattern}` is no regular expression") from None


def _is_rank(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_RANK


def _is_scale(value: object) -> bool:
    """Whether a number can be an alpha: at 0 the fold would do nothing, below it the opposite."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value <= sys.float_info.max  # type: ignore[operator]  # a number


def _by_pattern(patterns: object, path: str, default: float) -> float:
    """The value of the first pattern that is the path, or its end after a dot."""
    if not isinstance(patterns, dict):
        return default
    found = (value for pattern, value in patterns.items() if path_expression(pattern).fullmatch(path))
    return float(next(found, default))


@lru_cache(maxsize=1024)
def path_expression(pattern: str) -> Any:  # noqa: ANN401  # re2 has no types
    """The expression for the paths that a pattern of PEFT is, or is the end of after a dot.

    Raises:
        re2.error: RE2 refuses the pattern.
    """
    options = re2.Options()
    options.log_errors = False
    return re2.compile(rf"(.*\.)?({pattern})", options)
