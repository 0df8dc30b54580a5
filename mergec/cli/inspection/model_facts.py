"""All that is said of one checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.cli.inspection.adapter_facts import AdapterFacts, adapter_facts
from mergec.cli.inspection.config_check import ConfigLine, config_lines, named_elsewhere
from mergec.cli.inspection.fitting_presets import FittingPreset, fitting_presets
from mergec.cli.inspection.known_prefixes import KnownPrefix, known_prefixes, unwrapped
from mergec.cli.inspection.parts import Parts, parts_of
from mergec.cli.inspection.quantised_facts import (
    QuantisedFacts,
    dense_elements,
    quantised_facts,
    quantised_groups,
)
from mergec.components.joint_verdict import JointVerdict, verdicts
from mergec.components.joints import Joints, joints_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.cli.inspection.subject import Subject


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A checkpoint by components, or an adapter. `adapter` is None for a model.

    `elsewhere` gives, for components that are not in the file, the model that config.json names for them.
    """

    subject: Subject
    parts: Parts
    joints: Joints
    verdicts: tuple[JointVerdict, ...]
    config: tuple[ConfigLine, ...]
    prefixes: tuple[KnownPrefix, ...]
    presets: tuple[FittingPreset, ...]
    adapter: AdapterFacts | None
    elsewhere: Mapping[str, str]
    quantised: tuple[QuantisedFacts, ...]


def model_facts(subject: Subject) -> ModelFacts:
    """Everything, from headers and the configs beside them."""
    tensors, config = subject.checkpoint.tensors, subject.facts.config
    groups = quantised_groups(subject)
    parts = parts_of(tensors, unwrapped(tensors), config, dense_elements(groups))
    adapter = adapter_facts(subject)
    joints = joints_of(parts.grouping, parts.shapes, config)
    return ModelFacts(
        subject,
        parts,
        joints,
        tuple(verdicts(joints)),
        tuple(config_lines(parts, config)),
        tuple(known_prefixes(tensors)),
        () if adapter else tuple(fitting_presets(parts, config)),
        adapter,
        named_elsewhere(parts, config),
        tuple(quantised_facts(groups)),
    )
