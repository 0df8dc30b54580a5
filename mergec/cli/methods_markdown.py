"""docs/methods.md: all merge methods on one page, made from their declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.method_facts import class_of, method_facts, needs_of, takes
from mergec.methods.method_operation import MethodOperation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.cli.key_table import KeyRow
    from mergec.steps.operation import Operation

_COMMON = {"where", "missing", "base", "arithmetic"}  # what the introduction tells
_INTRODUCTION = """\
# Merge methods

Made by `mergec methods --markdown`; `mergec explain NAME` prints a part of it.

A method is an expression over tensors: it is computed tile by tile, within the memory that you allow. The
column *bytes* says how far the bytes of the result are promised: **R0**, equal on every machine; **R1**,
equal for the same builds of torch and NumPy; **R2**, within a tolerance. *rows* marks methods that hold
whole rows of a tensor, *whole* those that hold whole tensors; the plan says how much memory that takes.
Arithmetic is in float32 (`arithmetic: float64` for more) and is rounded once.

All methods also understand `where` (patterns of the tensors to work on), `missing` (what becomes of tensors
that not all models hold), `base` (whose integer tensors are taken) and `arithmetic`. `op: blockwise` takes
another method for each group of tensors, and [own methods](own-methods.md) are a page of Python.
"""


def methods_markdown(operations: Mapping[str, Operation]) -> str:
    """The page: a table of all methods, then a section on each."""
    methods = [one for one in operations.values() if isinstance(one, MethodOperation)]
    lines = [_INTRODUCTION, *_table(["method", "takes", "needs", "bytes", ""], map(_row, methods))]
    for one in methods:
        lines += ["", *_section(one)]
    return "\n".join(lines)


def _row(operation: MethodOperation) -> list[str]:
    name, method = operation.name, operation.method
    return [f"[{name}](#{name})", takes(method), needs_of(method), class_of(operation), method.summary]


def _section(operation: MethodOperation) -> Iterator[str]:
    method, facts = operation.method, method_facts(operation)
    yield from (f"## {method.name}", "", method.documentation, "")
    yield from ("```text", method.formula, "```", "")
    yield from _key_table([row for row in facts.keys if method.has_key(row.name) or row.name not in _COMMON])
    if facts.per_model and method.listed is not None:
        yield from ("", f"For each model of `{method.listed.key}`:", "", *_key_table(facts.per_model))
    yield from ("", f"- Bytes: {facts.bytes_}")
    yield f"- Holds: {facts.memory}"
    if facts.sweeps:
        yield f"- Reads first: {facts.sweeps}"
    if method.reference:
        yield f"- Reference: {_linked(method.reference)}"
    yield from ("", "```yaml", facts.example, "```")


def _key_table(rows: Sequence[KeyRow]) -> Iterator[str]:
    return _table(
        ["key", "", "", ""], ([f"`{row.name}`", row.kind, row.default, row.meaning] for row in rows)
    )


def _table(head: Sequence[str], rows: Iterator[list[str]] | map[list[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _linked(reference: str) -> str:
    """The reference with a link to the paper, where it begins with an identifier of one."""
    kind, _, rest = reference.partition(":")
    number = rest.partition(" ")[0].rstrip(",;")
    pages = {"arXiv": f"https://arxiv.org/abs/{number}", "doi": f"https://doi.org/{number}"}
    return (
        reference.replace(f"{kind}:{number}", f"[{kind}:{number}]({pages[kind]})")
        if kind in pages
        else reference
    )
