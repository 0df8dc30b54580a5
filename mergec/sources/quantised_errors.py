"""Diagnostics of stage 2 about quantised checkpoints: MC0226 to MC0230. `mergec explain` shows them."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, Severity, diagnostic


@diagnostic("MC0226", "`{source}` holds weights packed as {what}, which cannot be {used}")
class PackedWeights(Diagnostic):
    """Quantised weights are codes: an average of two codes is no code of an average.

    Packed codes and their scales may be copied as they are, so that a quantised checkpoint may pass
    through a recipe. To merge them, to fold an adapter into them or to round them they must be made dense
    first: `dequantize: true` on the source does that while it is read. It does not bring back what
    quantising lost: where the checkpoint that was quantised can be had, merge that one instead.
    """

    source: str
    what: str
    used: str


@diagnostic("MC0227", "dequantising `{source}` takes the library {library}", exit_code=ExitCode.SOURCE)
class LibraryMissing(Diagnostic):
    """`dequantize: true` leaves the arithmetic to the library that belongs to the format.

    These libraries are not installed with mergec. Each has an extra of its own, named in the help. A library
    that is installed and cannot be imported is as good as none: the note shows what Python says of it.
    """

    source: str
    library: str


@diagnostic("MC0228", "`{tensor}` of `{source}`{more} cannot be dequantised: {reason}")
class CannotDequantise(Diagnostic):
    """A weight is packed in a way that mergec does not undo, or its scales do not fit it.

    mergec reads weights of bitsandbytes (NF4, FP4, int8), of compressed-tensors, 8-bit floats with scales
    by tensor, row or block, and GGUF files. For others, make a dense checkpoint with the tool that
    quantised it, or take the one that it was made from.
    """

    tensor: str
    source: str
    more: str
    reason: str


@diagnostic("MC0229", "`{source}` holds no quantised weights", severity=Severity.WARNING)
class NothingToDequantise(Diagnostic):
    """`dequantize: true` stands on a source whose weights are dense already, and does nothing."""

    source: str
    help: str | None = "remove `dequantize: true`, or look whether `path` is the checkpoint that you mean"


@diagnostic("MC0230", "`{path}` is not a valid GGUF file: {reason}", exit_code=ExitCode.SOURCE)
class MalformedGguf(Diagnostic):
    """The header of a GGUF file breaks the format's rules, or does not fit the file.

    mergec reads versions 2 and 3 of the format, written for processors that store the low byte first.
    A file that ends before its tensors do was cut while it was copied or downloaded: fetch it again.
    """

    path: str
    reason: str
    help: str | None = "fetch the file again; if it stays so, the program that wrote it is at fault"
