"""The one place that opens pickles: only with `weights_only`, and never by running what they say."""

from __future__ import annotations

import io
import pickletools
import re
import warnings
import zipfile
from contextlib import nullcontext
from typing import IO, TYPE_CHECKING

from mergec.diagnostics import MergecError, safe
from mergec.diagnostics.held_signals import signals_held
from mergec.sources.torch_errors import (
    MalformedTorchFile,
    PickleNeedsCode,
    TorchTooOld,
    UnsupportedTensorKind,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mergec.diagnostics import Diagnostic

_SAFE_VERSION = (2, 10)  # before it, prepared pickles got past weights_only
_SHOWN = 3  # a message is cut at 200 characters; the notes name them all
# Rebuilding these reads the storages themselves, whose bytes are not there when only shapes are.
_UNBUILDABLE = {
    "torch._utils _rebuild_qtensor": "quantised",
    "torch._utils _rebuild_nested_tensor": "nested",
}
_ARCHIVE = "archive"
_FETCH_AGAIN = "fetch the file again; or load it with PyTorch and save its state dict with safetensors"


def unpickled(stream: IO[bytes], pickle: bytes, path: Path, *, location: str, data: bool) -> object:
    """What torch.load makes of the stream: tensors in plain containers, and nothing else.

    Args:
        stream: the file or a stand-in for it.
        pickle: the pickle within it that describes the tensors, looked at before it is loaded.
        path: for messages.
        location: the device that storages are put on; on "meta" they have a size and no memory.
        data: whether the bytes of the storages are read, or only their sizes.

    Raises:
        MergecError: it is damaged, or needs code to run.
    """
    with signals_held():
        import torch

    version = torch.__version__.split("+")[0]
    if tuple(int(number) for number in version.split(".")[:2]) < _SAFE_VERSION:
        advice = "upgrade PyTorch to 2.10 or later, or convert the file to safetensors"
        raise MergecError([TorchTooOld(path=str(path), version=version, help=advice)])
    _refuse_unbuildable(pickle, path)
    reading: AbstractContextManager[object] = nullcontext() if data else torch.serialization.skip_data()
    try:
        # Torch's remarks on old formats would only confuse: what matters becomes a diagnostic.
        with warnings.catch_warnings(action="ignore"), reading:
            return torch.load(stream, map_location=location, weights_only=True)  # noqa: TID251
    except Exception as error:  # noqa: BLE001 - a damaged pickle can raise anything
        raise MergecError([_refusal(pickle, path, error)]) from None


def malformed(path: Path, reason: str) -> Diagnostic:
    """The diagnostic for a damaged file."""
    return MalformedTorchFile(path=str(path), reason=reason, help=_FETCH_AGAIN)


def end_of_pickle(stream: IO[bytes], path: Path) -> int:
    """Where the pickle that begins at the stream's position ends, found without building anything.

    Raises:
        MergecError: it is damaged or cut short.
    """
    try:
        for _ in pickletools.genops(stream):
            pass
    except Exception as error:
        raise MergecError([malformed(path, "its pickle is damaged or cut short")]) from error
    return stream.tell()


def _refuse_unbuildable(pickle: bytes, path: Path) -> None:
    try:
        named = {str(argument) for code, argument, _ in pickletools.genops(pickle) if code.name == "GLOBAL"}
    except Exception as error:
        raise MergecError([malformed(path, "its pickle is damaged or cut short")]) from error
    for function in sorted(named & _UNBUILDABLE.keys()):
        advice = "turn them into dense tensors with PyTorch and save the state dict with safetensors"
        raise MergecError([UnsupportedTensorKind(path=str(path), kind=_UNBUILDABLE[function], help=advice)])


def _refusal(pickle: bytes, path: Path, error: Exception) -> Diagnostic:
    names = _unsafe_globals(pickle)
    if not names:
        return malformed(path, _gist(error))
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    advice = "if you trust it, load it in a program of your own and save the state dict with safetensors"
    notes = tuple(f"it names `{safe(name)}`" for name in names) if len(names) > _SHOWN else ()
    return PickleNeedsCode(path=str(path), names=shown, help=advice, notes=notes)


def _unsafe_globals(pickle: bytes) -> list[str]:
    """The classes and functions in a pickle that torch does not admit.

    Torch looks into zip archives only, so the pickle of an old file is put into one for it.
    """
    from torch.serialization import get_unsafe_globals_in_checkpoint

    try:
        return sorted(get_unsafe_globals_in_checkpoint(archive_of(pickle)))
    except Exception:  # noqa: BLE001 - it only names what torch.load has refused already
        return []


def archive_of(pickle: bytes, records: tuple[str, ...] = ()) -> io.BytesIO:
    """A torch archive in memory that holds the pickle, and empty records of these names."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{_ARCHIVE}/data.pkl"), pickle)
        archive.writestr(zipfile.ZipInfo(f"{_ARCHIVE}/version"), b"3\n")
        for record in records:
            archive.writestr(zipfile.ZipInfo(f"{_ARCHIVE}/{record}"), b"")
    made.seek(0)
    return made


def _gist(error: Exception) -> str:
    """The sentence of torch's long message that says what is wrong."""
    text = str(error)
    inner = re.search(r"WeightsUnpickler error: *(.+)", text)
    line = (inner[1] if inner else text).strip().partition("\n")[0] or type(error).__name__
    return safe(re.split(r"\. |\.$", line)[0])
