"""The YAML at the head of a model card, as far as somebody wants to know it."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, SourceText
from mergec.recipe.errors import AliasUsed, RecipeTooLarge, TagUsed
from mergec.recipe.yaml_tree import plain, read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from mergec.diagnostics import Diagnostic
    from mergec.recipe.yaml_tree import Plain

_FENCE = b"---"
# Cards with the results of many benchmarks have a front matter of some hundred KiB.
_LARGEST = 1 << 20
# What is wanted of it takes a few lines; PyYAML needs a millisecond for each KiB.
_LONGEST = 1 << 14
_KEY = re.compile(rb"""(["']?)([A-Za-z_]+)\1[ \t]*:(?=[ \t]|$)""")


def front_matter(path: Path, wanted: Collection[str]) -> dict[str, Plain]:
    """The wanted entries of a file's front matter; empty where it has none.

    Only the lines of these entries are parsed: what else stands there may be long, or be YAML that we do
    not read. A front matter that is no mapping in block style has no entries.

    Raises:
        OSError: the file cannot be read.
        ValueError: the entries are not as they should be; the text says why.
    """
    with path.open("rb") as stream:
        lines = stream.read(_LARGEST).removeprefix(codecs.BOM_UTF8).splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        return {}
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise ValueError("its front matter has no end")
    block = b"\n".join(_lines_of(wanted, lines[1:end]))
    if not block.strip():
        return {}
    if len(block) > _LONGEST:
        raise ValueError("its front matter is too long")
    try:
        value = plain(read_yaml(SourceText(str(path), block.decode())))
    except UnicodeDecodeError:
        raise ValueError("its front matter is not UTF-8 text") from None
    except MergecError as error:
        raise ValueError(_problem(error.diagnostics[0])) from None
    assert isinstance(value, dict), "every line is that of an entry"
    return value


def _problem(found: Diagnostic) -> str:
    """What is wrong, in words that are not about recipes."""
    match found:
        case AliasUsed(what=what):
            return f"it uses {what}"
        case TagUsed(tag=tag):
            return f"it uses a YAML tag (`{tag}`)"
        case RecipeTooLarge(what=what):
            return f"its front matter is {what}"
        case _:
            return found.message


def _lines_of(wanted: Collection[str], lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of the wanted entries of a mapping in block style."""
    is_wanted = False
    for line in lines:
        # A list may stand at the column of its key; everything else that belongs to it is indented.
        if line[:1] not in (b"", b" ", b"\t", b"-", b"#"):
            key = _KEY.match(line)
            is_wanted = key is not None and key[2].decode() in wanted
        if is_wanted:
            yield line
