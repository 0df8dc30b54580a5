from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mergec.adapters.peft.dialect import FOLDABLE
from mergec.adapters.peft.refused import RESIDUAL_STARTS
from mergec.adapters.recognise import dialect_names
from mergec.cli.all_codes import all_codes
from mergec.cli.explain import topics
from mergec.cli.operation_page import example
from mergec.diagnostics import SourceText
from mergec.lower.bind import operations
from mergec.recipe.block_maps import BLOCK_MAPS
from mergec.recipe.rename_preset import load_preset, preset_names
from mergec.recipe.yaml_tree import plain, read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result


@pytest.mark.parametrize("code", all_codes())
def test_every_code_has_a_page(mergec_command: Callable[..., Result], code: str) -> None:
    result = mergec_command("explain", code.lower())
    assert result.exit_code == 0
    head, kind, blank, *text = result.output.splitlines()
    assert head.startswith(f"{code}: ")
    assert not re.search(r"\{\w", head), "a fact without a value"
    assert kind == "warning" or kind.startswith("error, exit code ")
    assert blank == ""
    assert "".join(text).endswith((".", ":", ")", "`"))


def test_codes_of_all_stages_are_known() -> None:
    stages = {code[:4] for code in all_codes()}
    assert stages >= {"MC01", "MC02", "MC03", "MC04", "MC06", "MC07", "MC08", "MC09"}


@pytest.mark.parametrize("name", operations())
def test_every_operation_has_a_page(mergec_command: Callable[..., Result], name: str) -> None:
    result = mergec_command("explain", name)
    assert result.exit_code == 0
    for field, info in operations()[name].keys.model_fields.items():
        assert f"\n  {info.alias or field} " in result.output


@pytest.mark.parametrize("name", operations())
def test_the_example_of_every_operation_is_a_model_of_it(name: str) -> None:
    models = plain(read_yaml(SourceText("example", example(operations()[name]))))
    assert isinstance(models, dict)
    own = [keys for keys in models.values() if isinstance(keys, dict) and keys["op"] == name]
    assert own
    for keys in own:
        operations()[name].keys.model_validate({key: keys[key] for key in keys if key != "op"})


@pytest.mark.parametrize(
    "topic", ["adapters", "blocks", "patterns", "plugins", "recipe", "renames", "schedules"]
)
def test_topics(mergec_command: Callable[..., Result], topic: str) -> None:
    assert topic in topics()
    assert mergec_command("explain", topic).exit_code == 0


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("linaer", "linear"), ("shedules", "schedules"), ("rename:lava-to-hf", "rename:llava-to-hf")],
)
def test_a_misspelt_name(mergec_command: Callable[..., Result], wrong: str, right: str) -> None:
    result = mergec_command("explain", wrong)
    assert result.exit_code == 2
    assert f"did you mean `{right}`?" in result.stderr


def test_the_lists_of_all_block_maps_are_told(mergec_command: Callable[..., Result]) -> None:
    page = mergec_command("explain", "blocks").output
    for name, block_map in BLOCK_MAPS.items():
        told = page.partition(f"\n  {name} ")[2].partition("\n  lbw")[0].partition("\n\n")[0]
        for blocks in (block_map.blocks, *block_map.lists):
            assert f"{len(blocks)}: " in told


def test_the_renames_are_listed(mergec_command: Callable[..., Result]) -> None:
    lines = mergec_command("explain", "renames").output.splitlines()
    rows = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    for name in preset_names():
        assert [name, load_preset(name).summary] in rows


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_has_a_page(mergec_command: Callable[..., Result], name: str) -> None:
    result = mergec_command("explain", f"rename:{name}")
    assert result.exit_code == 0
    preset = load_preset(name)
    assert result.output.startswith(f"{name}\n\n{preset.summary}\n")
    for rule in preset.rules:
        assert f"\n  {rule.text}" in result.output
    for before, after in preset.examples:
        assert f"\n  {before}\n" in result.output
        assert all(name in result.output for name in after)


def test_the_kinds_of_adapters_are_listed(mergec_command: Callable[..., Result]) -> None:
    page = mergec_command("explain", "adapters").output.lower()
    for kind in (*FOLDABLE, *RESIDUAL_STARTS.values(), *dialect_names()):
        assert kind.lower().replace("_", " ") in page
