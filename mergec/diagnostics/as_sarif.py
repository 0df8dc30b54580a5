"""Diagnostics as a SARIF 2.1.0 log, which code scanning services and editors read.

Names of objects and properties are those of docs.oasis-open.org/sarif/sarif/v2.1.0 (section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mergec.diagnostics.as_text import diagnostic_as_text
from mergec.diagnostics.explanation import explanation, general_title, long_text
from mergec.diagnostics.file_place import FilePlace, file_place
from mergec.diagnostics.shown_line import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mergec.diagnostics.diagnostic import Diagnostic, ExitCode

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://github.com/mergec/mergec"
_ROOT = "%SRCROOT%"  # what services put their checkout in the place of


def sarif_log(
    diagnostics: Iterable[Diagnostic],
    codes: Mapping[str, type[Diagnostic]],
    folder: Path,
    version: str,
    exit_code: ExitCode,
) -> dict[str, Any]:
    """The log of one run in `folder`: every code is a rule, every diagnostic in a file a result.

    Services refuse results without a place: what is about no file, such as a fault of mergec itself or a
    recipe that cannot be read, is a notification, and the run then counts as one that failed.
    """
    rules = {code: number for number, code in enumerate(codes)}
    results, notifications = [], []
    for diagnostic in diagnostics:
        place = file_place(diagnostic.span, folder)
        if place is None:
            notifications.append(_notification(diagnostic))
        else:
            results.append(_result(diagnostic, rules[diagnostic.code], place, folder))
    invocation: dict[str, Any] = {"executionSuccessful": not notifications, "exitCode": int(exit_code)}
    if notifications:
        invocation["toolExecutionNotifications"] = notifications
    driver = {
        "name": "mergec",
        "version": version,
        "semanticVersion": version,
        "informationUri": _HOME,
        "rules": [_rule(code, kind) for code, kind in codes.items()],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder that mergec ran in."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, kind: type[Diagnostic]) -> dict[str, Any]:
    reason = long_text(kind).split("\n\n")[0].replace("\n", " ")
    return {
        "id": code,
        "name": kind.__name__,
        "shortDescription": {"text": general_title(kind)},
        "fullDescription": {"text": reason},
        "help": {"text": explanation(kind)},
        "defaultConfiguration": {"level": kind.severity.value},
    }


def _result(diagnostic: Diagnostic, rule: int, place: FilePlace, folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": diagnostic_as_text(diagnostic, has_others=False)},
        "locations": [{"physicalLocation": _location(place)}],
    }
    others = [(file_place(other.span, folder), other.text) for other in diagnostic.others]
    related = [
        {"id": number, "physicalLocation": _location(where), "message": {"text": printable(text)}}
        for number, (where, text) in enumerate(others)
        if where is not None
    ]
    if related:
        result["relatedLocations"] = related
    return result


def _notification(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "descriptor": {"id": diagnostic.code},
        "level": diagnostic.severity.value,
        "message": {"text": diagnostic_as_text(diagnostic)},
    }


def _location(place: FilePlace) -> dict[str, Any]:
    if place.path.is_absolute():
        artifact = {"uri": place.path.as_uri()}
    else:
        artifact = {"uri": quote(place.path.as_posix()), "uriBaseId": _ROOT}
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.line,
        "endColumn": place.end_column,
    }
    return {"artifactLocation": artifact, "region": region}
