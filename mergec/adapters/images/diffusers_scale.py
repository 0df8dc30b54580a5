"""The scale of adapters of diffusers, which may stand in the header of the file."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import re2

from mergec.adapters.errors import BadScale, NotFoldable
from mergec.adapters.images.diffusers_names import PARTS, component_of
from mergec.adapters.peft.config import PeftConfig
from mergec.adapters.peft.refused import why_refused
from mergec.diagnostics import MergecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.adapters.adapter import Adapter

KEY = "lora_adapter_metadata"
_WRITE = (
    f"write the numbers that the adapter was trained with into `{KEY}` in its header, or save the file "
    "without it if alpha was the rank: then the scale is 1"
)


class HeaderScales:
    """What `lora_adapter_metadata` says of ranks and alphas: PEFT's configuration of each component.

    Files without it, or with nothing on a component, have the scale 1 there.
    """

    def __init__(self, adapter: Adapter) -> None:
        """Read the header.

        Raises:
            MergecError: MC0338 or MC0339.
        """
        self._adapter = adapter
        text = adapter.facts.metadata.get(KEY)
        try:
            values = {} if text is None else json.loads(text)
        except ValueError:
            raise self._unknown(f"`{KEY}` in its header is not JSON") from None
        if not isinstance(values, dict):
            raise self._unknown(f"`{KEY}` in its header is no mapping")
        self._values: Mapping[str, object] = values
        for component in (*PARTS, ""):
            refusal = why_refused(self._config(component), frozenset({"LORA"}))
            if refusal is not None:
                raise MergecError([self._refused(*refusal)])

    def scale(self, module: str, rank: int) -> float:
        """Alpha / rank of a module, or alpha / sqrt(rank) where its component says so.

        Raises:
            MergecError: MC0338.
        """
        component = component_of(module)
        config = self._config(component)
        given = config.values
        if given.get("lora_alpha") is None:
            return 1.0
        try:
            scale = config.scale_of(module.removeprefix(component), rank)
        except (TypeError, ValueError, re2.error):
            scale = math.nan
        if not math.isfinite(scale):
            shown = {key: given[key] for key in ("lora_alpha", "alpha_pattern") if given.get(key)}
            raise self._unknown(f"`{KEY}` says {json.dumps(shown)} of `{component}`")
        return scale

    def _config(self, component: str) -> PeftConfig:
        given = {
            key.removeprefix(component): value
            for key, value in self._values.items()
            if key.startswith(component)
        }
        return PeftConfig("LORA", given, self._adapter)

    def _refused(self, kind: str, reason: str, advice: str) -> NotFoldable:
        adapter = self._adapter
        return NotFoldable(span=adapter.span, adapter=adapter.name, kind=kind, notes=(reason,), help=advice)

    def _unknown(self, problem: str) -> MergecError:
        adapter = self._adapter
        return MergecError([BadScale(span=adapter.span, adapter=adapter.name, problem=problem, help=_WRITE)])
