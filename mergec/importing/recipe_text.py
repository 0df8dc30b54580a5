"""A drafted recipe -> text for people: short things on one line, remarks above what they are about."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mergec.recipe.yaml_scalars import flow, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mergec.importing.draft import Draft, Entry

_WIDTH = 100
_MOST_IN_A_ROW = 76
_STEP = "  "


def recipe_text(draft: Draft, title: Sequence[str], left: Sequence[str]) -> str:
    """The recipe. `title` stands above it, `left` tells at its end what is not carried over."""
    lines = [*_remarks(title, ""), "mergec: 1", "", "sources:"]
    lines += _group(draft.sources)
    if draft.models:
        lines += ["", "models:", *_group(draft.models)]
    lines += ["", *_remarks(draft.output_remarks, ""), "output:"]
    lines += (line for key, value in draft.output.items() for line in _entry(key, value, _STEP))
    if left:
        lines += ["", "# Not carried over, or without effect there:"]
        lines += (f"# {line}" for one in left for line in _wrapped(one, "- ", "  "))
    return "".join(f"{line}\n" for line in lines)


def _group(entries: Mapping[str, Entry]) -> Iterator[str]:
    for name, entry in entries.items():
        yield from _remarks(entry.remarks, _STEP)
        yield from _entry(name, entry.value, _STEP)


def _remarks(remarks: Iterable[str], indent: str) -> Iterator[str]:
    for remark in remarks:
        yield from (f"{indent}# {line}" for line in _wrapped(remark, "", ""))


def _wrapped(text: str, first: str, others: str) -> list[str]:
    # What a remark quotes from a file must not end it.
    printable = "".join(char if char.isprintable() else " " for char in text)
    width = _WIDTH - len(_STEP)
    return textwrap.wrap(
        printable, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    )


def _entry(key: str, value: object, indent: str) -> Iterator[str]:
    head = f"{indent}{quoted(key)}:"
    if _fits(value, len(head)):
        yield f"{head} {flow(value)}"
    elif isinstance(value, Mapping):
        yield head
        for name, one in value.items():
            yield from _entry(name, one, indent + _STEP)
    elif isinstance(value, list) and not _is_numbers(value):
        yield head
        yield from (f"{indent}{_STEP}- {flow(one)}" for one in value)
    else:
        text = f"{head} {flow(value)}"
        yield from textwrap.wrap(text, _WIDTH, subsequent_indent=f"{indent}{_STEP}")


def _fits(value: object, used: int) -> bool:
    """Whether a value is easy to read on one line."""
    if isinstance(value, Mapping):
        if any(isinstance(one, Mapping) for one in value.values()) or ("op" in value and len(value) > 5):
            return False
        return used + len(flow(value)) <= _MOST_IN_A_ROW
    if isinstance(value, list):
        return not any(isinstance(one, Mapping) for one in value) and used + len(flow(value)) <= _WIDTH
    return True


def _is_numbers(value: list[object]) -> bool:
    """Whether a list may be broken at any space."""
    return all(isinstance(one, int | float) for one in value)
