"""JSON as headers and indexes must be: nothing doubled, nothing that Python alone would accept."""

from __future__ import annotations

import json
import math
from typing import NoReturn

from mergec.diagnostics import safe


class JsonError(ValueError):
    """Why a text is refused, as a clause for a message."""


def parse_object(raw: bytes) -> dict[str, object]:
    """The JSON object that is the whole of `raw`.

    Raises:
        JsonError: it is not UTF-8, not JSON, not an object, has a duplicate key anywhere, a number
            that JSON does not have or that no program could hold, or nests too deeply.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 text at byte {error.start}") from error
    if not text.startswith("{"):
        raise JsonError("it does not begin with `{`")
    try:
        # Integers go through Python's own fast path unless there may be a `-0` among them.
        parsed: dict[str, object] = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_no_minus_zero if "-0" in text else None,
        )
    except JsonError:
        raise
    except RecursionError as error:
        raise JsonError("it nests too deeply") from error
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON at line {error.lineno} column {error.colno}: {error.msg}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise JsonError("a number is too long") from error
    if "\\u" in text:
        _check_surrogates(parsed)
    return parsed


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonError(f"the key `{safe(key)}` occurs twice")
            seen.add(key)
    return made


def _no_constant(text: str) -> NoReturn:
    raise JsonError(f"`{text}` is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonError("a number is too large")
    return number


def _no_minus_zero(text: str) -> int | float:
    return -0.0 if text == "-0" else int(text)


def _check_surrogates(parsed: object) -> None:
    """Refuse half a surrogate pair, which Python's parser lets through and UTF-8 cannot hold."""
    waiting = [parsed]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and not value.isascii():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError as error:
                raise JsonError(f"the text `{safe(value)}` is not Unicode") from error
