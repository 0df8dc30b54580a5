"""The provenance of an output as an in-toto statement, version 1, with a SLSA provenance predicate.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, https://slsa.dev/spec/v1.0/provenance
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mergec.lock.lock_file import lock_path
from mergec.output.manifest import NAME as MANIFEST
from mergec.provenance.shareable import shareable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.lock.lock_model import LockedOutput, LockModel

_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://slsa.dev/provenance/v1"
_HOME = "https://github.com/mergec/mergec"
BUILD_TYPE = f"{_HOME}/blob/main/docs/attestation.md#mergec-build-v1"
BUILDER = f"{_HOME}/blob/main/docs/attestation.md#unnamed-builder"


class Attested(NamedTuple):
    """A lock that an output was found to agree with: what it says, and the SHA-256 of its file.

    `subjects` are the SHA-256 of the output's files by their names, without that of the manifest.
    """

    lock: LockModel
    lock_sha256: str
    output: LockedOutput
    subjects: Mapping[str, str]


def statement(attested: Attested, builder: str = BUILDER) -> dict[str, object]:
    """The statement, unsigned: a pure function of its arguments, without times, hosts and users."""
    lock = attested.lock
    return {
        "_type": _STATEMENT,
        "subject": [_described(name, digest) for name, digest in sorted(attested.subjects.items())],
        "predicateType": _PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"recipe": _recipe(lock)},
                "internalParameters": _internal(attested),
                "resolvedDependencies": list(_dependencies(lock)),
            },
            "runDetails": {
                "builder": {"id": builder, "version": {"mergec": lock.tool.mergec}},
                "byproducts": list(_byproducts(attested)),
            },
        },
    }


def _recipe(lock: LockModel) -> dict[str, object]:
    """The recipe in its canonical form, in which parameters are filled in."""
    content = {"content": shareable(lock.recipe.content)} if lock.recipe.content is not None else {}
    return {"name": lock.recipe.path, "canonicalSha256": lock.recipe.sha256, **content}


def _internal(attested: Attested) -> dict[str, object]:
    tool, output = attested.lock.tool, attested.output
    torch = {"torch": tool.torch} if tool.torch is not None else {}
    found = {
        model: one.found.permutations
        for model, one in sorted(attested.lock.decisions.items())
        if one.found is not None
    }
    return {
        "language": tool.language,
        "numerics": tool.numerics,
        **torch,
        "reproducibility": output.class_,
        "merkleRoot": output.merkle,
        **({"permutations": found} if found else {}),
    }


def _dependencies(lock: LockModel) -> Iterator[dict[str, object]]:
    """Every file that was read: weights, files that were copied, and those that operations name."""
    for source, locked in sorted(lock.sources.items()):
        for name, file in sorted(locked.files.items()):
            yield _described(f"{source}/{name}", file.sha256)
    for place, copied in sorted(lock.copied.items()):
        yield _described(f"{shareable(copied.from_)}/{place}", copied.sha256)
    for _, decision in sorted(lock.decisions.items()):
        for named in (decision.table, decision.given):
            if named is not None:
                yield _described(str(shareable(named.path)), named.sha256)


def _byproducts(attested: Attested) -> Iterator[dict[str, object]]:
    # By the name that the lock has beside its recipe: where it lies here is nobody's business.
    yield _described(lock_path(Path(attested.lock.recipe.path)).name, attested.lock_sha256)
    if attested.output.manifest is not None:
        yield _described(MANIFEST, attested.output.manifest)


def _described(name: str, digest: str) -> dict[str, object]:
    return {"name": name, "digest": {"sha256": digest}}
