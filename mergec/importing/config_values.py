"""Single values of an imported YAML file, or the error that says what stands there instead."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from mergec.diagnostics import MergecError, did_you_mean, safe
from mergec.importing.errors import NoEffect, NotMergekit
from mergec.recipe.shown_value import shown
from mergec.recipe.yaml_tree import YamlMapping, YamlScalar, YamlSequence, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mergec.diagnostics import Report, Span
    from mergec.recipe.yaml_tree import YamlNode

    _I = TypeVar("_I")
    _R = TypeVar("_R")

# YAML 1.1, which mergekit reads, knows more words for truth values.
_WORDS = {
    **dict.fromkeys(("yes", "on", "y"), True),
    **dict.fromkeys(("no", "off", "n"), False),
}


def wrong(span: Span, problem: str, help_: str | None = None) -> MergecError:
    """MC0840 at this place."""
    return MergecError([NotMergekit(span=span, problem=problem, help=help_)])


def unexpected(node: YamlNode, what: str, expected: str) -> MergecError:
    """MC0840 for a value that is not what was expected."""
    return wrong(node.span, f"{what}: expected {expected}, found {shown(plain(node))}")


def each(items: Iterable[_I], read: Callable[[_I], _R], report: Report) -> list[_R]:
    """What `read` makes of each item; the errors of all that are wrong go to the report."""
    made: list[_R] = []
    for item in items:
        try:
            made.append(read(item))
        except MergecError as error:
            report.extend(error.diagnostics)
    return made


def entries(node: YamlNode, what: str, known: Sequence[str], report: Report) -> YamlMapping:
    """The mapping; warns of keys that mean nothing (MC0843). Keys without a value count as absent.

    Raises:
        MergecError: MC0840.
    """
    if not isinstance(node, YamlMapping):
        raise unexpected(node, what, "a mapping")
    for key, span in node.key_spans.items():
        if key not in known:
            report.add(NoEffect(span=span, what=f"`{safe(key)}` in {what}", help=did_you_mean(key, known)))
    present = {key: value for key, value in node.entries.items() if key in known and not is_null(value)}
    return YamlMapping(present, node.key_spans, node.span)


def is_null(node: YamlNode) -> bool:
    """Whether nothing stands there."""
    return isinstance(node, YamlScalar) and node.value is None


def items(node: YamlNode, what: str) -> tuple[YamlNode, ...]:
    """The items of a list that is not empty.

    Raises:
        MergecError: MC0840.
    """
    if not isinstance(node, YamlSequence) or not node.items:
        raise unexpected(node, what, "a list with entries")
    return node.items


def text(node: YamlNode, what: str) -> str:
    """A text; of what stands there without quotes, the text that was written.

    Raises:
        MergecError: MC0840.
    """
    if not isinstance(node, YamlScalar) or not node.text or is_null(node):
        raise unexpected(node, what, "a text")
    return node.text


def constant(node: YamlNode, what: str) -> float | bool | str:
    """A number, a truth value or a word.

    Raises:
        MergecError: MC0840.
    """
    if not isinstance(node, YamlScalar) or node.value is None:
        raise unexpected(node, what, "a number")
    if isinstance(node.value, bool):
        return node.value
    if isinstance(node.value, str):
        return _of_text(node, node.value)
    # Python refuses to print integers of very many digits, and no parameter has them.
    if (isinstance(node.value, int) and abs(node.value) > 1 << 64) or not math.isfinite(node.value):
        raise unexpected(node, what, "a finite number")
    return node.value


def _of_text(node: YamlScalar, word: str) -> float | bool | str:
    if not node.quoted and word.lower() in _WORDS:
        return _WORDS[word.lower()]
    try:
        number = float(word)
    except ValueError:
        return word
    return number if math.isfinite(number) else word


def whole_number(node: YamlNode, what: str) -> int:
    """A number that counts something.

    Raises:
        MergecError: MC0840.
    """
    value = constant(node, what)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise unexpected(node, what, "a whole number")
    return value
