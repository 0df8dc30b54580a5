"""Every diagnostic as its user sees it: its code, its place, its text and its help."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mergec.cli.all_codes import all_codes
from tests.errors.case import CASES, FILES, GOLDEN, run_case

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(folder.name for folder in CASES.iterdir())
# Codes that need another kind of test: why, and the test that covers it.
ELSEWHERE: dict[str, str] = {
    "MC0857": "a build whose result nobody can foresee: tests/lock/test_recipe_lock.py",
}


@pytest.mark.parametrize("name", NAMES)
def test_case(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    updates_goldens: bool,  # noqa: FBT001  # a fixture
) -> None:
    ending = run_case(name, tmp_path, monkeypatch, capsys)
    golden = CASES / name / GOLDEN
    if updates_goldens:
        golden.write_text(ending.golden, "utf-8")
    assert ending.golden == golden.read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_case_is_named_after_what_it_shows(name: str) -> None:
    code, _, slug = name.partition("-")
    text = (CASES / name / GOLDEN).read_text("utf-8")
    assert slug
    assert re.search(rf"^(error|warning)\[{code}\]: ", text, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_a_case_has_no_files_that_nothing_reads(name: str) -> None:
    assert {path.name for path in (CASES / name).iterdir()} - {"__pycache__"} <= FILES


def test_every_code_has_a_case() -> None:
    covered = {name.partition("-")[0] for name in NAMES}
    assert covered | ELSEWHERE.keys() == all_codes().keys()
    assert not covered & ELSEWHERE.keys()


@pytest.mark.parametrize("name", NAMES)
def test_text_keeps_the_house_rules(name: str) -> None:
    text = (CASES / name / GOLDEN).read_text("utf-8")
    assert all(char.isprintable() or char == "\n" for char in text), "names are escaped"
    for line in text.splitlines():
        if line.startswith(("error[", "warning[", "help: ")):
            assert not line.endswith("."), "a single sentence has no full stop"
    for place in re.findall(r"^ *--> .*\n *\|\n *[0-9]+ \| (.*)$", text, re.MULTILINE):
        assert place.strip(), "a mark stands under text"
