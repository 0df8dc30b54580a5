"""Names of wrappers that got into the output beside names without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.factor_names import is_factor
from mergec.steps.errors import WrappedNames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Report, Span

# What wrappers of torch and PEFT put before names, and the preset that takes it away.
_WRAPPERS = {
    "base_model.model.": "strip-peft",
    "module.": "strip-wrappers",
    "_orig_mod.": "strip-wrappers",
    "_fsdp_wrapped_module.": "strip-wrappers",
}


def check_wrapped_names(names: Sequence[str], span: Span | None, report: Report) -> None:
    """Report MC0314 where some names begin with a wrapper's and others do not.

    An output all of whose names do is as its sources are, and loads where they do. Factors of adapters
    have a finding of their own (MC0345).
    """
    for wrapper, preset in _WRAPPERS.items():
        wrapped = [name for name in names if name.startswith(wrapper) and not is_factor(name)]
        if wrapped and len(wrapped) < len(names):
            more = f" and {len(wrapped) - 1} more" if len(wrapped) > 1 else ""
            help_ = f"take it away on the source: `rename: {{preset: {preset}}}`"
            report.add(WrappedNames(span=span, tensor=wrapped[0], more=more, wrapper=wrapper, help=help_))
