"""Diagnostics of low-rank changes: adapters made from fine-tunes, and merged. MC0390 to MC0394, MC0399."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, Severity, diagnostic


@diagnostic("MC0390", "there is nothing in `{model}` that an adapter could be made of")
class NothingToExtract(Diagnostic):
    """A low-rank adapter stands for the changes of linear layers, convolutions and embeddings.

    Here no tensor is left that is one, or the two models share all of them.
    """

    model: str


@diagnostic("MC0391", "`{tensor}`{more} cannot be put into an adapter: {problem}")
class NotExtractable(Diagnostic):
    """A tensor whose change neither two factors nor a saved module of the adapter's format can hold.

    `exclude` leaves it out; the adapter then lacks its change.
    """

    tensor: str
    more: str
    problem: str


@diagnostic("MC0392", "the adapter leaves out {count} tensors of `{model}`", severity=Severity.WARNING)
class LeftOutOfAdapter(Diagnostic):
    """Biases, norms and other tensors without two axes have no factors, and this adapter does not hold them.

    Where the fine-tune changed them, the adapter on its base is not quite the fine-tune. PEFT's format can
    hold them whole; kohya's cannot, and knows no factors for embeddings either.
    """

    model: str
    count: int


@diagnostic("MC0393", "{problem}")
class WrongAdapterPath(Diagnostic):
    """PEFT's format is a folder, with adapter_config.json in it; kohya's is a single file."""

    problem: str


@diagnostic("MC0394", "two modules would both be `{flat}` in the adapter: `{first}` and `{second}`")
class SameFlatName(Diagnostic):
    """Kohya's format writes `_` for every dot in the path of a module: two paths may become one name."""

    flat: str
    first: str
    second: str
    help: str | None = "leave one of them out with `exclude`"


@diagnostic("MC0399", "what `{adapter}` does to `{tensor}` {problem}")
class NoFactors(Diagnostic):
    """`op: core_space` merges changes that are the product of two thin matrices, as those of LoRA are.

    DoRA, LoHa, LoKr and rotations change weights in other ways, and tensors that an adapter holds whole
    replace them. `op: lora` folds them, and the folded models can be merged.
    """

    adapter: str
    tensor: str
    problem: str
    help: str | None = "fold it with `op: lora`, and merge the models"
