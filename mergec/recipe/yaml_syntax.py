"""What is wrong with a text that is not YAML, in words and with an edit that mends it.

The parser tells where it gave up, which often is lines after the slip. Here the slip is looked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from mergec.diagnostics import Label, Span, safe
from mergec.recipe.errors import InvalidYaml
from mergec.recipe.yaml_failure import Failure, failure_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.diagnostics import SourceText

_PARAM = re.compile(r"[^\s,\[\]{}]*\$\{[^{}]*\}[^\s,\[\]{}]*")
_KEY = re.compile(r"\s*(?:- +)*(?:[^\s:\"'#][^:#]*|\"[^\"]*\"|'[^']*'):(?=\s|$)")
_NO_SPACE = re.compile(r"(\s*(?:- +)?)([A-Za-z_]\w*):([^\s:/].*)$")
_GOT = re.compile(r"expected ',' or '[\]}]', but got '(.*)'")
_COMMA_MISSING = {"<scalar>", "[", "{", "<anchor>", "<alias>", "<tag>"}


def invalid_yaml(source: SourceText, error: yaml.YAMLError) -> InvalidYaml:
    """MC0101 for what the parser refused."""
    if isinstance(error, yaml.reader.ReaderError):
        return _bad_character(source, error)
    failure = failure_of(source, error)
    for look in _LOOKS:
        found = look(failure)
        if found is not None:
            return found
    return InvalidYaml(span=failure.here, problem=safe(failure.problem))


def _bad_character(source: SourceText, error: yaml.reader.ReaderError) -> InvalidYaml:
    # A text's characters are given as numbers, and positions count characters.
    lines = source.text[: error.position].splitlines()
    if source.text[: error.position].endswith(("\n", "\r")):
        lines.append("")
    line, column = max(len(lines), 1), len(lines[-1]) + 1 if lines else 1
    code = error.character if isinstance(error.character, int) else ord(error.character)
    return InvalidYaml(
        span=Span(source, line, column, column + 1),
        problem=f"the character U+{code:04X} may not stand in a recipe",
        help=f'remove it; inside double quotes it is written "\\u{code:04x}"',
    )


def _tab(f: Failure) -> InvalidYaml | None:
    if not f.rest.startswith("\t"):
        return None
    is_indent = not f.before.strip()
    problem = "a tab is used for indentation" if is_indent else "a tab stands where only spaces may"
    length = len(f.rest) - len(f.rest.lstrip("\t"))
    span = f.span(f.at.line, f.at.column, f.at.column + length)
    return InvalidYaml(span=span, problem=problem, help="write spaces, such as two for each level")


def _param(f: Failure) -> InvalidYaml | None:
    """`{t: ${alpha}}`: the brace begins a mapping inside `{...}` and `[...]`."""
    if "'{'" not in f.problem or not f.before.endswith("$"):
        return None
    line = f.text(f.at.line)
    found = next((use for use in _PARAM.finditer(line) if use.start() <= f.at.column < use.end()), None)
    if found is None:
        return None
    return InvalidYaml(
        span=f.span(f.at.line, found.start(), found.end()),
        problem="inside `{...}` and `[...]` a `${name}` needs quotes",
        help=f'write "{found[0]}"',
    )


def _quote(f: Failure) -> InvalidYaml | None:
    if "quoted scalar" not in f.context or "escape" in f.problem:
        return None
    span = f.span(f.begin.line, f.begin.column, f.begin.column + 1)
    quote = f.text(f.begin.line)[f.begin.column : f.begin.column + 1]
    return InvalidYaml(span=span, problem="this quote is never closed", help=f"end the text with {quote}")


def _escape(f: Failure) -> InvalidYaml | None:
    if "escape" not in f.problem or not f.before.endswith("\\"):
        return None
    written = safe(f"\\{f.rest[:1]}")
    return InvalidYaml(
        span=f.span(f.at.line, f.at.column - 1, f.at.column + 1),
        problem=f"`{written}` has no meaning inside double quotes",
        help=f"write `\\{written}` for a backslash, or use single quotes",
    )


def _begins_with_a_sign(f: Failure) -> InvalidYaml | None:
    """`*.weight`, `@name`, `%50`: texts that YAML reads as something else unless they are quoted."""
    is_sign = "cannot start any token" in f.problem
    if not is_sign and f.context not in {
        "while scanning an alias",
        "while scanning an anchor",
        "while scanning a tag",
        "while scanning a block scalar",
    }:
        return None
    start = f.at if is_sign else f.begin
    line = f.text(start.line)
    end = _end_of_text(line, start.column)
    text = line[start.column : end]
    if not text:
        return None
    return InvalidYaml(
        span=f.span(start.line, start.column, end),
        problem=f"a text that begins with `{safe(text[0])}` needs quotes",
        help=f"write {_quoted(text)}",
    )


def _continued(f: Failure) -> InvalidYaml | None:
    """`- {rest:**} -> model.{rest}`: a text that begins like a mapping, a list or a quoted text."""
    before = f.before.rstrip()
    if f.problem != "expected <block end>, but found '<scalar>'" or not before.endswith(("}", "]", '"', "'")):
        return None
    line = f.text(f.at.line)
    key = _KEY.match(line)
    start = key.end() if key is not None and key.end() < f.at.column else 0
    dashes = re.compile(r"\s*(?:- +)*").match(line, start)
    start = dashes.end() if dashes is not None else start
    end = len(line.rstrip())
    if key is None or key.end() >= f.at.column:
        end = _end_of_text(line, f.at.column)
    text = line[start:end]
    return InvalidYaml(
        span=f.span(f.at.line, start, end),
        problem=f"a text that begins with `{safe(text[:1])}` needs quotes around all of it",
        help=f"write {_quoted(text)}",
    )


def _colon(f: Failure) -> InvalidYaml | None:
    if f.problem != "mapping values are not allowed here":
        return None
    line = f.text(f.at.line)
    first = _KEY.match(line)
    if first is not None and first.end() <= f.at.column:
        start = first.end() + len(line[first.end() :]) - len(line[first.end() :].lstrip())
        return InvalidYaml(
            span=f.span(f.at.line, start, len(line.rstrip())),
            problem="a text with a colon and a space in it needs quotes",
            help=f"write {_quoted(line[start:].rstrip())}",
        )
    above = next((n for n in range(f.at.line - 1, -1, -1) if f.text(n).strip()), None)
    if above is None:
        return None
    glued = _NO_SPACE.match(f.text(above))
    if glued is not None:
        return InvalidYaml(
            span=f.span(above, glued.end(2), glued.end(2) + 1),
            problem="a space is missing after this colon",
            help=f"write `{safe(glued[2])}: {safe(glued[3].rstrip())}`",
        )
    start = len(line) - len(line.lstrip())
    return InvalidYaml(
        span=f.span(f.at.line, start, f.at.column + 1),
        problem="the line above has a value already, so nothing can be indented below it",
        help="indent this line as far as the line above, or remove that value",
    )


def _no_colon(f: Failure) -> InvalidYaml | None:
    if f.problem != "could not find expected ':'":
        return None
    line = f.text(f.begin.line)
    text = line[f.begin.column :].rstrip()
    word, _, value = text.partition(" ")
    help_ = f"write `{safe(word)}: {safe(value)}`" if word and value else "write `key: value`"
    return InvalidYaml(
        span=f.span(f.begin.line, f.begin.column, f.begin.column + len(text)),
        problem="this line has no colon after its key",
        help=help_,
    )


def _flow(f: Failure) -> InvalidYaml | None:
    """Inside `[...]` or `{...}`: a comma is missing, or the end."""
    got = _GOT.fullmatch(f.problem)
    if got is None:
        return None
    opening = f.text(f.begin.line)[f.begin.column : f.begin.column + 1]
    begin = f.span(f.begin.line, f.begin.column, f.begin.column + 1)
    closing = {"[": "]", "{": "}"}.get(opening, "]")
    if got[1] in {"]", "}"}:
        label = (Label(begin, "opened here"),)
        problem = f"this `{got[1]}` closes nothing: the `{opening}` before it is still open"
        return InvalidYaml(span=f.here, problem=problem, help=f"write `{closing}` first", others=label)
    word = re.search(r"([^\s,\[\]{}]+)\s*$", f.before)
    starts_line = got[1] == ":" and word is not None and not f.before[: word.start()].strip()
    if got[1] == "<stream end>" or (starts_line and f.at.line > f.begin.line):
        return InvalidYaml(
            span=begin, problem=f"this `{opening}` is never closed", help=f"close it with `{closing}`"
        )
    if got[1] == ":" and word is not None:
        span = f.span(f.at.line, word.start(1), word.end(1))
        return InvalidYaml(span=span, problem=f"a comma is missing before `{safe(word[1])}`")
    if got[1] in _COMMA_MISSING:
        return _unquoted_pattern(f) or InvalidYaml(span=f.here, problem="a comma is missing before this")
    return None


_BRACKETED = re.compile(r"(?:[^\s,\[\]{}]|\{[^{}]*\}|\[[^\[\]]*\])+")


def _unquoted_pattern(f: Failure) -> InvalidYaml | None:
    """A pattern such as `layers.[0:2].**` or `h.{i}.w` inside `[...]` or `{...}`."""
    line, at = f.text(f.at.line), f.at.column
    begun = re.search(r"[^\s,\[\]{}]+$", f.before)
    written = _BRACKETED.match(line, begun.start()) if begun is not None else None
    if written is None or line[at : at + 1] not in {"{", "["}:
        return None
    return InvalidYaml(
        span=f.span(f.at.line, written.start(), written.end()),
        problem=f"inside `[...]` and `{{...}}` a text with a `{line[at]}` needs quotes",
        help=f"write {_quoted(written[0])}",
    )


def _indentation(f: Failure) -> InvalidYaml | None:
    if f.context not in {"while parsing a block mapping", "while parsing a block collection"}:
        return None
    what = "mapping" if f.context.endswith("mapping") else "list"
    line = f.text(f.at.line)
    begin = _end_of_text(f.text(f.begin.line), f.begin.column)
    label = Label(f.span(f.begin.line, f.begin.column, begin), f"the {what} begins here")
    above = next((n for n in range(f.at.line - 1, f.begin.line, -1) if f.text(n).strip()), f.begin.line)
    depth = len(f.text(above)) - len(f.text(above).lstrip())
    like = f"by {depth} spaces, like line {above + 1}"
    if above > f.begin.line and depth != f.begin.column:
        like += f", or by {f.begin.column}, like line {f.begin.line + 1}"
    return InvalidYaml(
        span=f.span(f.at.line, f.at.column, _end_of_text(line, f.at.column)),
        problem=f"this does not belong to the {what} that it stands in",
        help=f"indent it {like}",
        others=(label,),
    )


def _dash(f: Failure) -> InvalidYaml | None:
    if f.problem != "sequence entries are not allowed here":
        return None
    help_ = "put the `-` on a line of its own below the key, or write `[...]`"
    return InvalidYaml(span=f.here, problem="a list cannot begin on the line of its key", help=help_)


def _nothing(f: Failure) -> InvalidYaml | None:
    found = re.fullmatch("expected the node content, but found '(.*)'", f.problem)
    if found is None:
        return None
    return InvalidYaml(span=f.here, problem=f"a value is missing before this `{safe(found[1])}`")


_LOOKS: tuple[Callable[[Failure], InvalidYaml | None], ...] = (
    _tab,
    _param,
    _escape,
    _quote,
    _begins_with_a_sign,
    _continued,
    _colon,
    _no_colon,
    _flow,
    _dash,
    _nothing,
    _indentation,
)


def _end_of_text(line: str, start: int) -> int:
    """Where a text that begins at `start` ends: at a key's colon, a remark or the end of the line.

    Inside brackets also at the comma or bracket that follows.
    """
    stop = re.compile(r":(?:\s|$)|\s#").search(line, start)
    end = stop.start() if stop is not None else len(line.rstrip())
    before = line[:start]
    if sum(map(before.count, "[{")) > sum(map(before.count, "]}")):
        inner = re.compile(r"[,\]}]").search(line, start + 1)
        end = min(end, inner.start()) if inner is not None else end
    return len(line[:end].rstrip())


def _quoted(text: str) -> str:
    """The text as YAML holds it in quotes."""
    if '"' in text or "\\" in text:
        return f"'{safe(text.replace(chr(39), chr(39) * 2))}'"
    return f'"{safe(text)}"'
