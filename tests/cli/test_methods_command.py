"""What `mergec methods` lists, and the page that is made of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mergec.lower.bind import operations
from mergec.methods.registry import method_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

ROOT = Path(__file__).parents[2]
PLUGIN = str(ROOT / "tests" / "plugins" / "clipped.py")


def test_every_operation_is_listed(mergec_command: Callable[..., Result]) -> None:
    head, *lines = mergec_command("methods").output.splitlines()
    assert head.split() == ["name", "takes", "needs", "bytes"]
    assert [line.split()[0] for line in lines] == list(operations())
    document = json.loads(mergec_command("methods", "--json").output)
    assert [one["name"] for one in document["operations"]] == list(operations())
    assert all(one["summary"] for one in document["operations"])


def test_a_row_says_what_a_method_takes(mergec_command: Callable[..., Result]) -> None:
    rows = {
        line.split()[0]: re.split(" {2,}", line) for line in mergec_command("methods").output.splitlines()
    }
    assert rows["apply"][1:4] == ["base, 1+ deltas", "deltas", "R0"]
    assert rows["linear"][1:3] == ["1+ inputs", "R0"]
    assert rows["slerp"][1:3] == ["2 inputs", "R1"]


def test_the_page_is_up_to_date(mergec_command: Callable[..., Result]) -> None:
    made = mergec_command("methods", "--markdown").output
    page = (ROOT / "docs" / "methods.md").read_text("utf-8")
    assert page == made, "run `mergec methods --markdown > docs/methods.md`"


def test_the_page_has_a_section_on_every_method(mergec_command: Callable[..., Result]) -> None:
    made = mergec_command("methods", "--markdown").output
    assert re.findall("^## (.*)$", made, re.MULTILINE) == method_names()


class TestPlugin:
    def test_its_methods_are_listed(self, mergec_command: Callable[..., Result]) -> None:
        assert "\nclipped " in mergec_command("methods", "--plugin", PLUGIN).output
        assert "\nclipped " not in mergec_command("methods").output

    def test_its_methods_are_explained(self, mergec_command: Callable[..., Result]) -> None:
        page = mergec_command("explain", "clipped", "--plugin", PLUGIN).output
        assert "# merged = [3.0, 6.5]" in page
        document = json.loads(mergec_command("explain", "clipped", "--plugin", PLUGIN, "--json").output)
        assert document["origin"] == PLUGIN
        assert document["reproducibility"] == "R1"

    def test_one_that_is_not_there_is_refused(self, mergec_command: Callable[..., Result]) -> None:
        result = mergec_command("methods", "--plugin", "nobody.py")
        assert result.exit_code == 1
        assert "MC0382" in result.stderr


@pytest.mark.parametrize("name", ["ties", "MC0402", "schedules"])
def test_explanations_for_machines(mergec_command: Callable[..., Result], name: str) -> None:
    document = json.loads(mergec_command("explain", name, "--json").output)
    assert document["name"] == name
    if name == "ties":
        assert {one["key"]: one["range"] for one in document["parameters"]}["density"] == "0 to 1"
    else:
        assert document["text"] == mergec_command("explain", name).output.rstrip("\n")
