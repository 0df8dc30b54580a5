"""recipe.lock: read strictly, written in one way only."""

from __future__ import annotations

import glob
import os
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import MergecError, Report, SourceText, safe
from mergec.lock.canonical import canonical
from mergec.lock.errors import (
    BadLock,
    EditedLock,
    LockMissing,
    LockNotWritten,
    LockOfAnotherRecipe,
    NewerLock,
)
from mergec.lock.lock_model import SCHEMA, LockModel
from mergec.lock.yaml_text import yaml_text
from mergec.output.durable import sync
from mergec.recipe.place import TreePlace
from mergec.recipe.validation import validate
from mergec.recipe.yaml_tree import MAX_BYTES, plain, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mergec.diagnostics import Diagnostic, Span
    from mergec.recipe.yaml_tree import YamlNode

_ENDING = ".lock"
_PARTIAL = ".partial"
_HEAD = "# Written by mergec: what the recipe read, and what came out. `mergec lock` writes it anew.\n"


class Lock(NamedTuple):
    """A lock that was read, and where in its text everything stands."""

    path: Path
    model: LockModel
    tree: YamlNode

    def span(self, *path: str) -> Span:
        """Where what is at the end of a path is written."""
        return TreePlace(self.tree, path).span()


def lock_path(recipe: Path) -> Path:
    """Where the lock of a recipe lies: beside it, under the same name with another ending."""
    return (
        recipe.with_name(recipe.name + _ENDING) if recipe.suffix == _ENDING else recipe.with_suffix(_ENDING)
    )


def read_lock(recipe: Path) -> Lock:
    """The lock of a recipe.

    Raises:
        MergecError: MC0850 to MC0854.
    """
    lock = read_lock_at(lock_path(recipe))
    other = lock.model.recipe.path
    if other != recipe.name:
        help_ = f"rename one of them, or remove `{safe(lock.path)}` if its recipe was renamed"
        span = lock.span("recipe", "path")
        raise MergecError([LockOfAnotherRecipe(span=span, path=str(lock.path), other=other, help=help_)])
    return lock


def is_lock(path: Path) -> bool:
    """Whether a path is said to be a lock: by its ending or, whatever it is called, by its first line."""
    if path.suffix == _ENDING:
        return True
    try:
        if not path.is_file():  # to open a pipe is to wait
            return False
        with path.open("rb") as stream:
            return stream.read(len(_HEAD)) == _HEAD.encode()
    except OSError:
        return False


def read_lock_at(path: Path) -> Lock:
    """The lock at a path, whatever its name is and that of its recipe.

    Raises:
        MergecError: MC0850 to MC0853.
    """
    tree = _tree(path)
    value = plain(tree)
    place = TreePlace(tree)
    head = value.get("lock") if isinstance(value, dict) else None
    found = head.get("schema") if isinstance(head, dict) else None
    if not isinstance(value, dict) or not isinstance(head, dict) or type(found) is not int or found < 1:
        problem = "it has no `lock` with a `schema`"
        help_ = "if another program wrote it, move it away or rename the recipe; else remove it"
        raise MergecError([BadLock(span=tree.span, path=str(path), problem=problem, help=help_)])
    if found > SCHEMA:
        span = place.child("lock").child("schema").span()
        raise MergecError([NewerLock(span=span, path=str(path), found=str(found))])
    report = Report()
    model = validate(LockModel, value, place, "the lock", report)
    if model is None:
        raise MergecError([_bad(path, one.message, one.span) for one in report.diagnostics])
    content = model.recipe.content
    is_whole = content is None or sha256(canonical(content)).hexdigest() == model.recipe.sha256
    if model.lock.checksum != _checksum(value) or not is_whole:
        span = place.child("lock").child("checksum").span()
        raise MergecError([EditedLock(span=span, path=str(path))])
    return Lock(path, model, tree)


def _tree(path: Path) -> YamlNode:
    if path.is_fifo():  # to open one is to wait
        raise MergecError([_bad(path, "it is a pipe")])
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        return read_yaml(SourceText(str(path), content.decode("utf-8-sig")))
    except FileNotFoundError:
        help_ = "`mergec lock RECIPE` writes it, and so does a build"
        raise MergecError([LockMissing(path=str(path), help=help_)]) from None
    except UnicodeDecodeError:
        raise MergecError([_bad(path, "it is not UTF-8 text")]) from None
    except OSError as error:
        help_ = "make it a file that this user can read"
        found = replace(_bad(path, error.strerror or "it cannot be opened"), help=help_)
        raise MergecError([found]) from None
    except MergecError as error:
        told = [_bad(path, _about_it(one.message), one.span) for one in error.diagnostics]
        raise MergecError(told) from None


def _about_it(message: str) -> str:
    """What the reader of recipes says, of a lock."""
    rest = message.removeprefix("the recipe ")
    return message if rest == message else f"it {rest}"


def _bad(path: Path, problem: str, span: Span | None = None) -> Diagnostic:
    return BadLock(span=span, path=str(path), problem=problem)


def sealed(model: LockModel) -> LockModel:
    """The lock with the checksum of its content."""
    head = model.lock.model_copy(update={"checksum": _checksum(_tree_of(model))})
    return model.model_copy(update={"lock": head})


def write_lock(recipe: Path, model: LockModel) -> bool:
    """Write the lock of a recipe, whole or not at all; False where it was so already.

    Raises:
        MergecError: MC0856.
    """
    path = lock_path(recipe)
    content = (_HEAD + yaml_text(_tree_of(sealed(model)))).encode()
    try:
        # A link stays one: what it leads to is replaced.
        path = path.resolve()
        if path.is_file() and path.read_bytes() == content:
            return False
        _replace(path, content)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        problem = (error.strerror if isinstance(error, OSError) else None) or "its links lead in a circle"
        raise MergecError([LockNotWritten(path=str(path), problem=problem)]) from error
    return True


def _replace(path: Path, content: bytes) -> None:
    # The name is this process' own: two builds of a recipe may end at the same time.
    partial = path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")
    try:
        _clear_leftovers(path)
        partial.write_bytes(content)
        sync(partial)  # a loss of power may not leave an empty lock
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _clear_leftovers(path: Path) -> None:
    """Remove what processes left that were killed while they wrote the lock."""
    for file in sorted(path.parent.glob(f".{glob.escape(path.name)}.*{_PARTIAL}")):
        number = file.name[len(path.name) + 2 : -len(_PARTIAL)]
        if number.isascii() and number.isdigit() and not _is_running(int(number)):
            file.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _tree_of(model: LockModel) -> dict[str, object]:
    return model.model_dump(by_alias=True, exclude_defaults=True)


def _checksum(tree: Mapping[str, object]) -> str:
    """The digest of all that a lock says, however it is formatted."""
    head = tree["lock"]
    assert isinstance(head, dict)
    rest = {**tree, "lock": {key: value for key, value in head.items() if key != "checksum"}}
    return sha256(canonical(rest)).hexdigest()
