"""Diagnostics of adapters that name modules, not tensors: kohya-ss, LyCORIS, diffusers. MC0350 to MC0359."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, diagnostic


@diagnostic("MC0350", "`{module}`{more} of the adapter `{adapter}` can mean several modules of the base")
class AmbiguousModule(Diagnostic):
    """A flat name stands for several modules of this base, and only one of them is meant.

    kohya-ss and LyCORIS write `_` for every dot of a module's path, so that `a.b_c` and `a_b.c` get one
    name. The notes name the tensors of the base. Rename the one that is not meant on its source; `rename`
    of `op: select` gives it its name back after the fold.
    """

    adapter: str
    module: str
    more: str = ""
    help: str | None = "rename the module that is not meant on its source, and back again after the fold"


@diagnostic(
    "MC0351", "two modules of the adapter `{adapter}` are for the same tensor: `{first}` and `{second}`{more}"
)
class ModuleTwice(Diagnostic):
    """Two modules of one adapter change the same rows of the base, so one of them is not meant for it.

    Mostly the base is a single text encoder and the adapter was trained on several: kohya-ss calls the
    first `lora_te1` and the second `lora_te2`, and the names alone cannot tell which of them this base is.
    A file may also hold the same layer under the names of both layouts.
    """

    adapter: str
    first: str
    second: str
    more: str = ""


@diagnostic("MC0352", "the adapter `{adapter}` is for {made_for}, and the base is {found}")
class AnotherFamily(Diagnostic):
    """Adapters of image models fit only the family that they were trained on.

    The notes say what shows the family of each: names and widths of layers, and what the trainer wrote
    into the header of the file.
    """

    adapter: str
    made_for: str
    found: str


@diagnostic("MC0353", "the factors of `{module}`{more} in the adapter `{adapter}` do not fit each other")
class FactorsDiffer(Diagnostic):
    """The tensors of one module cannot be multiplied, because their inner sizes (the ranks) differ.

    Such a file is damaged, or was put together from two adapters. The notes show the shapes.
    """

    adapter: str
    module: str
    more: str = ""
    help: str | None = "take the file as its trainer saved it"
