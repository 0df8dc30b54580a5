"""What is found in a checkpoint as one HTML file: no scripts, nothing loaded from elsewhere.

Names come out of files, so all text goes through `_text`, which leaves nothing that HTML or a reader's
terminal would act on.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from mergec.cli.inspect_text import detail_lines, group_rows, summary
from mergec.cli.inspection.adapter_text import about_lines, target_rows
from mergec.cli.inspection.amounts import format_count
from mergec.cli.inspection.model_text import (
    begins,
    beside_lines,
    elsewhere_lines,
    joint_lines,
    layout_text,
    name_lines,
    quantised_lines,
)
from mergec.cli.inspection.spelling import spelled
from mergec.cli.name_groups import collapsed
from mergec.diagnostics import safe
from mergec.ir.byte_size import format_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mergec.cli.inspection.adapter_facts import AdapterFacts
    from mergec.cli.inspection.model_facts import ModelFacts
    from mergec.cli.inspection.parts import Part

_STYLE = """\
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --rule: #c8d0d8; --faint: #eef1f4 }
:root { --bar: #3b7dd8; --good: #18794e; --bad: #b42318 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dde3ea; --paper: #14181d; --rule: #47515c; --faint: #262d35 }
  :root { --bar: #5b9cf0; --good: #5cc795; --bad: #ff8f80 }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem }
body { color: var(--ink); background: var(--paper) }
h1 { font-size: 1.3rem; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top }
th { font-weight: 600; border-bottom: 1px solid var(--rule) }
td { border-bottom: 1px solid var(--faint) }
.wide { overflow-x: auto }
code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
pre { overflow-x: auto; overflow-wrap: normal }
.n { text-align: right; white-space: nowrap }
.bar { width: 20%; min-width: 5rem }
.bar i { display: block; height: .8rem; min-width: 1px; background: var(--bar) }
.good { color: var(--good) }
.bad { color: var(--bad); font-weight: 600 }
summary { cursor: pointer; padding: .25rem 0 }
"""
_VIEWPORT = '<meta name="viewport" content="width=device-width">'
# Columns whose cells end together.
_RIGHT = {"parameters", "size", "layers", "tensors", "shape", "dtype", "rank", "alpha", "scale", "modules"}
_QUOTED = re.compile("`([^`]*)`")


def model_html(facts: ModelFacts) -> str:
    """The page of one checkpoint."""
    subject = facts.subject
    body = [
        f"<h1>{_text(subject.path)}</h1>",
        f"<p>{_text(summary(subject.checkpoint))}</p>",
        *_items(
            [*detail_lines(subject.checkpoint, all_files=False), *beside_lines(subject, every_file=False)]
        ),
        *(_components(facts) if facts.adapter is None else _adapter(facts.adapter)),
        *_list("Joints", joint_lines(facts)),
        *_config(facts),
        *_list("Quantised weights", quantised_lines(facts)),
        *_list("Names", name_lines(facts)),
        *_groups(facts),
    ]
    return _page(str(subject.path), body)


def text_html(title: str, text: str) -> str:
    """A page that holds text which is laid out already."""
    lines = "\n".join(_text(line) for line in text.split("\n"))
    return _page(title, [f"<h1>{_text(title)}</h1>", f"<pre>{lines}</pre>"])


def _page(title: str, body: Iterable[str]) -> str:
    head = f'<meta charset="utf-8">{_VIEWPORT}<title>{_text(title)}</title><style>\n{_STYLE}</style>'
    return "\n".join(
        ["<!doctype html>", f'<html lang="en"><head>{head}</head><body>', *body, "</body></html>"]
    )


def _text(value: object) -> str:
    """Text that is only text: unprintable characters and markup are escaped."""
    return escape("".join(safe(char) for char in str(value)))


def _prose(line: str) -> str:
    """A line for people, in which what stands between backticks is code."""
    return _QUOTED.sub(r"<code>\1</code>", _text(line))


def _components(facts: ModelFacts) -> Iterator[str]:
    yield "<h2>Components</h2>"
    if not facts.parts.parts:
        yield "<p>no tensors</p>"
        return
    yield f"<p>{_text(layout_text(facts))}</p>"
    largest = max((part.nbytes for part in facts.parts.parts), default=0)
    rows = [_component_cells(part, largest) for part in facts.parts.parts]
    heads = ("", "parameters", "size", "", "dtypes", "layers", "tensors", "names begin with")
    yield from _table(heads, rows)
    yield from _items(elsewhere_lines(facts))


def _component_cells(part: Part, largest: int) -> list[str]:
    width = 100 * part.nbytes / largest if largest else 0
    return [
        f"<td>{_text(part.title)}",
        f'<td class="n">{format_count(part.parameters)}',
        f'<td class="n">{format_size(part.nbytes)}',
        f'<td class="bar"><i style="width:{width:.1f}%"></i>',
        f"<td>{_text(', '.join(part.dtypes))}",
        f'<td class="n">{part.layers or ""}',
        f'<td class="n">{len(part.tensors):,}',
        f"<td><code>{_text(begins(part))}</code>",
    ]


def _adapter(facts: AdapterFacts) -> Iterator[str]:
    yield "<h2>Adapter</h2>"
    yield from _items(about_lines(facts))
    heads = ("target", "kind", "rank", "alpha", "scale", "modules")
    rows = [
        [f"<td><code>{_text(row[0])}</code>", f"<td>{row[1]}", *(f'<td class="n">{c}' for c in row[2:])]
        for row in target_rows(facts)
    ]
    if rows:
        yield from _table(heads, rows)
    if facts.full:
        yield "<h2>Full tensors</h2>"
        yield f"<ul>{''.join(f'<li><code>{_text(name)}</code></li>' for name in collapsed(facts.full))}</ul>"


def _config(facts: ModelFacts) -> Iterator[str]:
    yield from _list("Configuration", facts.subject.broken)
    if not facts.config:
        return
    yield "<h2>config.json beside the file</h2>"
    rows = [
        [
            f"<td><code>{_text(line.key)}</code>",
            f"<td>{_text(spelled(line.config))}",
            f"<td>{_text(spelled(line.file))}",
            '<td class="good">agrees' if line.agrees else '<td class="bad">contradicts',
            f"<td><code>{_text(line.where)}</code>",
        ]
        for line in facts.config
    ]
    yield from _table(("key", "config.json", "file", "", "where in the file"), rows)


def _groups(facts: ModelFacts) -> Iterator[str]:
    yield "<h2>Tensors</h2>"
    for title, cells in group_rows(facts.subject.checkpoint):
        rows = [
            [f"<td><code>{_text(row[0])}</code>", *(f'<td class="n">{_text(c)}' for c in row[1:])]
            for row in cells
        ]
        yield f"<details><summary>{_text(title)}</summary>"
        yield from _table(("name", "shape", "dtype", "size"), rows)
        yield "</details>"


def _list(title: str, lines: Iterable[str]) -> Iterator[str]:
    items = list(_items(lines))
    if items:
        yield f"<h2>{title}</h2>"
        yield from items


def _items(lines: Iterable[str]) -> Iterator[str]:
    items = "".join(f"<li>{_prose(line.strip())}</li>" for line in lines)
    if items:
        yield f"<ul>{items}</ul>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table whose cells come with their opening tag."""
    titles = (f'<th class="n">{head}</th>' if head in _RIGHT else f"<th>{head}</th>" for head in heads)
    yield f'<div class="wide"><table><tr>{"".join(titles)}</tr>'
    for row in rows:
        yield f"<tr>{''.join(f'{cell}</td>' for cell in row)}</tr>"
    yield "</table></div>"
