"""What the manifest of an output says of it, read with suspicion."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.ir.dtype import BY_CODE
from mergec.output.manifest import NAME, read_manifest
from mergec.output.merkle import TensorDigest, merkle_root
from mergec.verification.errors import ManifestEdited, NewerManifest, NotAnOutput, OlderManifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.diagnostics import Report
    from mergec.output.manifest import StoredTensor

_LARGEST = 128 << 20
_OLDER = "1.0"
_KNOWN = "2.0"


@dataclass(frozen=True, slots=True)
class ManifestClaims:
    """What a manifest promises. Without digests (`merkle` is None), it only tells of files."""

    files: Mapping[str, int]
    sha256: str
    tensors: Mapping[str, StoredTensor] = field(default_factory=dict)
    merkle: str | None = None
    numerics: int | None = None


def read_claims(folder: Path, report: Report) -> ManifestClaims:
    """What the manifest in a folder promises; a warning where it is of the older format.

    Raises:
        MergecError: MC0881 without a manifest, MC0882 where it was changed, MC0883 where it is too new.
    """
    path = folder / NAME
    content = _content(folder)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise _edited(path, "it is not JSON") from None
    if not isinstance(document, dict):
        raise _edited(path, "it is not a JSON object")
    found, files = document.get("format_version"), document.get("files")
    if not isinstance(found, str) or not isinstance(files, dict):
        raise _edited(path, "it lacks its `format_version` or its `files`")
    if found not in {_OLDER, _KNOWN}:
        raise MergecError([NewerManifest(path=str(path), found=found)])
    for name, size in files.items():
        if type(size) is not int or size < 0:
            raise _edited(path, f"the size of `{name}` is no number of bytes")
        if not _is_inside(name):
            raise _edited(path, f"it names `{name}`, which is no file of the folder")
    digest = sha256(content).hexdigest()
    if found == _OLDER:
        report.add(OlderManifest(path=str(path), found=found))
        return ManifestClaims(files, digest)
    return _with_tensors(folder, document.get("merkle"), files, digest)


def _with_tensors(folder: Path, merkle: object, files: Mapping[str, int], digest: str) -> ManifestClaims:
    path = folder / NAME
    manifest = read_manifest(folder)
    if manifest is None:
        raise _edited(path, "its checksum is not that of what it says")
    for name, one in manifest.tensors.items():
        if one.file not in files:
            raise _edited(path, f"the tensor `{name}` lies in `{one.file}`, which it does not list")
        if one.dtype not in BY_CODE:
            raise _edited(path, f"the tensor `{name}` has the dtype `{one.dtype}`, which nothing has")
    if not isinstance(merkle, str) or merkle != _root(manifest.tensors):
        raise _edited(path, "its Merkle root is not that of its tensors")
    return ManifestClaims(files, digest, manifest.tensors, merkle, manifest.numerics)


def _root(tensors: Mapping[str, StoredTensor]) -> str:
    return merkle_root(TensorDigest(name, one.dtype, one.shape, one.digest) for name, one in tensors.items())


def _content(folder: Path) -> bytes:
    if (folder / NAME).exists() and not (folder / NAME).is_file():  # to open a pipe is to wait
        raise MergecError([NotAnOutput(path=str(folder), reason=f"its `{NAME}` is no file")])
    try:
        with (folder / NAME).open("rb") as stream:
            return stream.read(_LARGEST)
    except FileNotFoundError:
        raise MergecError([NotAnOutput(path=str(folder), reason=f"it has no `{NAME}`")]) from None
    except OSError as error:
        raise _edited(folder / NAME, f"it cannot be read: {error.strerror or error}") from None


def _is_inside(name: str) -> bool:
    """Whether a name leads to a file in the folder itself, and not out of it."""
    parts = name.split("/")
    return "\0" not in name and "\\" not in name and not {"", ".", ".."} & set(parts)


def _edited(path: Path, problem: str) -> MergecError:
    return MergecError([ManifestEdited(path=str(path), problem=problem)])
