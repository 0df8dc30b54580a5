"""What the table says of config.json."""

from __future__ import annotations

from dataclasses import fields

from mergec.components.config_keys import ConfigKeys, configured, value_at
from mergec.components.layout import COMPONENTS, table
from mergec.ir.config_edit import LANGUAGE_PARTS


def test_all_components_but_generators_are_told_of() -> None:
    assert [*configured(), "generator"] == list(COMPONENTS)


def test_the_table_has_no_key_that_nothing_reads() -> None:
    for told in table()["config"].values():
        assert list(told) == [field.name for field in fields(ConfigKeys)]


def test_no_setting_tells_of_two() -> None:
    told = [key for keys in configured().values() for key in (*keys.parts, *keys.keys)]
    assert len(told) == len(set(told))


def test_a_width_and_a_name_are_settings() -> None:
    for keys in configured().values():
        assert {*keys.width_keys, *keys.named_by} <= {*keys.keys}


def test_the_configs_of_language_models_are_called_the_same_everywhere() -> None:
    assert configured()["language_model"].parts == LANGUAGE_PARTS


def test_a_value_below_a_path() -> None:
    config = {"a": {"b": 1}, "c": [2]}
    assert value_at(config, ["a", "b"]) == 1
    assert value_at(config, []) == config
    assert value_at(config, ["a", "b", "x"]) is None
    assert value_at(config, ["c", "x"]) is None
    assert value_at(config, ["x", "y"]) is None
