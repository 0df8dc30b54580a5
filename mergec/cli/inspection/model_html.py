"""What is found in a checkpoint as one HTML file: no scripts, nothing loaded from elsewhere.

Names come out of files, so all text goes through `_text`, which leaves nothing that HTML or a reader's
terminal would act on.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from mergec.cli.inspect_text import group_rows
from mergec.cli.inspection.adapter_text import target_rows
from mergec.cli.inspection.amounts import format_count
from mergec.cli.inspection.model_text import begins, joint_lines, layout_text, name_lines, spelled
from mergec.cli.plan_sources import form_name
from mergec.cli.plan_text import counted
from mergec.diagnostics import safe
from mergec.ir.byte_size import format_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mergec.cli.inspection.adapter_facts import AdapterFacts
    from mergec.cli.inspection.model_facts import ModelFacts
    from mergec.cli.inspection.parts import Part

_STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
body { color: #1c2733; background: #fff }
h1 { font-size: 1.3rem; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top }
th { font-weight: 600; border-bottom: 1px solid #c8d0d8 }
td { border-bottom: 1px solid #eef1f4 }
code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
pre { white-space: pre-wrap }
.n { text-align: right; white-space: nowrap }
.bar { width: 30% }
.bar i { display: block; height: .8rem; min-width: 1px; background: #3b7dd8 }
.good { color: #18794e }
.bad { color: #b42318; font-weight: 600 }
summary { cursor: pointer; padding: .25rem 0 }
"""


def model_html(facts: ModelFacts) -> str:
    """The page of one checkpoint."""
    subject = facts.subject
    tensors = list(subject.checkpoint.tensors.values())
    nbytes = format_size(sum(view.nbytes for view in tensors))
    files = counted(len(subject.checkpoint.files), "file")
    size = f"{counted(len(tensors), 'tensor')}, {nbytes}"
    body = [
        f"<h1>{_text(subject.path)}</h1>",
        f"<p>{_text(form_name(subject.checkpoint.files))}, {files}, {size}</p>",
        *(_components(facts) if facts.adapter is None else _adapter(facts.adapter)),
        *_list("Joints", joint_lines(facts)),
        *_config(facts),
        *_list("Names", name_lines(facts)),
        *_groups(facts),
    ]
    return _page(str(subject.path), body)


def text_html(title: str, text: str) -> str:
    """A page that holds text which is laid out already."""
    lines = "\n".join(_text(line) for line in text.split("\n"))
    return _page(title, [f"<h1>{_text(title)}</h1>", f"<pre>{lines}</pre>"])


def _page(title: str, body: Iterable[str]) -> str:
    head = f'<meta charset="utf-8"><title>{_text(title)}</title><style>\n{_STYLE}</style>'
    return "\n".join(
        ["<!doctype html>", f'<html lang="en"><head>{head}</head><body>', *body, "</body></html>"]
    )


def _text(value: object) -> str:
    """Text that is only text: unprintable characters and markup are escaped."""
    return escape("".join(safe(char) for char in str(value)))


def _components(facts: ModelFacts) -> Iterator[str]:
    yield "<h2>Components</h2>"
    yield f"<p>{_text(layout_text(facts))}</p>"
    largest = max((part.nbytes for part in facts.parts.parts), default=0)
    rows = [_component_cells(part, largest) for part in facts.parts.parts]
    heads = ("", "parameters", "size", "", "dtypes", "layers", "tensors", "names begin with")
    yield from _table(heads, rows)


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
    kinds = ", ".join(f"{kind} of {counted(count, 'module')}" for kind, count in facts.kinds.items())
    told = [f"{kinds or 'no factors'}, dialect {facts.dialect}"]
    if facts.base_model is not None:
        told.append(f"base model: {facts.base_model}")
    told += [f"{key}: {spelled(value)}" for key, value in facts.settings.items()]
    yield f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in told)}</ul>"
    heads = ("target", "kind", "rank", "alpha", "scale", "modules")
    yield from _table(heads, [[f"<td>{_text(cell)}" for cell in row] for row in target_rows(facts)])
    yield from _list("Full tensors", (f"`{name}`" for name in facts.full))


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
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    if items:
        yield f"<h2>{title}</h2>"
        yield f"<ul>{items}</ul>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table whose cells come with their opening tag."""
    yield f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'{cell}</td>' for cell in row)}</tr>"
    yield "</table>"
