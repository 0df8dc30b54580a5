"""Diagnostics of stage 2 about PyTorch files: MC0216 to MC0225. Docstrings are `mergec explain`'s text."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, diagnostic


@diagnostic("MC0216", "`{path}` holds tensors in {count} places, and the recipe does not say which are meant")
class NestAmbiguous(Diagnostic):
    """A PyTorch file has several dictionaries of tensors, such as a model and its moving average.

    They are different weights, so mergec does not choose. Say which with `nest`, by the keys that
    lead to the dictionary, joined with dots: `nest: model.state_dict`.
    """

    path: str
    count: int


@diagnostic("MC0217", "`{path}` has no tensors at `{nest}`")
class NestUnknown(Diagnostic):
    """The keys in `nest` do not lead to a dictionary of tensors.

    `nest` gives the keys from the top of the file, joined with dots. The help lists the places in
    this file that do hold tensors.
    """

    path: str
    nest: str


@diagnostic("MC0218", "`{path}` holds no dictionary of tensors: {reason}")
class NoStateDict(Diagnostic):
    """A PyTorch file was read, but what it holds is not a checkpoint in the sense of mergec.

    Needed is a dictionary from names to tensors, at the top or inside other dictionaries. A saved module,
    a list of tensors or a single tensor carries no names. Load the file in Python and save
    `model.state_dict()` with `safetensors.torch.save_file`.
    """

    path: str
    reason: str


@diagnostic("MC0219", "`{path}` needs code to run before it can be read: {names}", exit_code=ExitCode.SOURCE)
class PickleNeedsCode(Diagnostic):
    """A PyTorch file refers to classes or functions beyond plain tensors and containers.

    Reading such a pickle means to run what the file says, which mergec never does: the file
    could do anything. If you trust its origin, load it yourself in a separate program, where
    `torch.load(path, weights_only=False)` runs its code, take the state dict out, and save that with
    `safetensors.torch.save_file`.
    """

    path: str
    names: str


@diagnostic(
    "MC0220",
    "`{path}` is a TorchScript archive, which holds a program and not only weights",
    exit_code=ExitCode.SOURCE,
)
class TorchScriptArchive(Diagnostic):
    """The file was written by `torch.jit.save`. It contains compiled code beside the weights.

    mergec opens data only. Convert it once, if you trust its origin:
    `safetensors.torch.save_file(torch.jit.load(path).state_dict(), "model.safetensors")`.
    """

    path: str


@diagnostic("MC0221", "`{path}` is not a readable PyTorch file: {reason}", exit_code=ExitCode.SOURCE)
class MalformedTorchFile(Diagnostic):
    """A PyTorch file is damaged, cut short, or was written in a way that mergec does not read.

    Fetch the file again if it was downloaded. Archives whose records are compressed, files from
    big-endian machines and the tar format of PyTorch before 0.1.10 are refused too: load such
    a file with PyTorch and save its state dict with `safetensors.torch.save_file`.
    """

    path: str
    reason: str


@diagnostic(
    "MC0222",
    "`{path}` holds the tensor `{tensor}`, which mergec cannot represent: {reason}",
    exit_code=ExitCode.SOURCE,
)
class UnsupportedTensor(Diagnostic):
    """A tensor is not a plain array of numbers in a known type.

    Sparse, quantised, nested and lazily conjugated tensors, tensors without data (device `meta`),
    subclasses of Tensor, and dtypes that safetensors does not have (such as complex128) cannot
    be merged. Convert it to a dense tensor of a common dtype and save the file again, or remove it.
    """

    path: str
    tensor: str
    reason: str


@diagnostic("MC0223", "`{path}` has two tensors that are both called `{tensor}`", exit_code=ExitCode.SOURCE)
class NestedNameClash(Diagnostic):
    """Inside the chosen dictionary, two tensors get the same name once nested keys are joined with dots.

    `{"a": {"b": x}, "a.b": y}` is such a file. Choose the inner dictionary with `nest`, or save
    the tensors again under distinct names.
    """

    path: str
    tensor: str


@diagnostic(
    "MC0224", "`{path}` holds {kind} tensors, which mergec cannot represent", exit_code=ExitCode.SOURCE
)
class UnsupportedTensorKind(Diagnostic):
    """A PyTorch file holds quantised or nested tensors, which have no plain array of numbers.

    PyTorch cannot tell their shapes without building them, so the file is refused as a whole.
    Load it with PyTorch, turn such tensors into dense ones with `dequantize()` or `unbind()`, and
    save the state dict with `safetensors.torch.save_file`.
    """

    path: str
    kind: str


@diagnostic(
    "MC0225",
    "`{path}` is a pickle, and PyTorch {version} cannot open pickles safely",
    exit_code=ExitCode.SOURCE,
)
class TorchTooOld(Diagnostic):
    """The installed PyTorch has a known hole in `weights_only` loading.

    Before version 2.10 a prepared file could run code in spite of it (CVE-2025-32434 and
    CVE-2026-24747). mergec needs no newer PyTorch for safetensors files, only for pickles.
    Upgrade PyTorch, or convert the file to safetensors elsewhere.
    """

    path: str
    version: str
