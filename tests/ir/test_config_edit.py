"""Changes to config.json, made."""

from __future__ import annotations

from mergec.ir.config_edit import ConfigEdit, ConfigValue, SideChange, SideFile, edited_config


def test_a_number_changes_where_it_was_what_is_said() -> None:
    config = {"n_layer": 4, "num_layers": 3, "text_config": {"n_layer": 4}, "vision_config": {"n_layer": 4}}
    assert edited_config(config, [ConfigEdit(("n_layer", "num_layers"), 4, 6)]) == {
        "n_layer": 6,
        "num_layers": 3,
        "text_config": {"n_layer": 6},
        "vision_config": {"n_layer": 4},
    }


def test_a_value_is_set_whatever_was_there() -> None:
    config = {"a": {"b": 1, "c": 2}, "d": 3}
    changes = [ConfigValue(("a", "b"), [7]), ConfigValue(("d", "e"), 5), ConfigValue(("f",), None)]
    assert edited_config(config, changes) == {"a": {"b": [7], "c": 2}, "d": {"e": 5}, "f": None}
    assert config == {"a": {"b": 1, "c": 2}, "d": 3}


def test_changes_are_made_in_order() -> None:
    changes: list[SideChange] = [
        ConfigValue(("n_layer",), 4),
        ConfigEdit(("n_layer",), 4, 6),
        SideFile("x.json", "/there"),
    ]
    assert edited_config({"n_layer": 1}, changes) == {"n_layer": 6}


def test_where_there_is_no_config_none_is_made() -> None:
    assert edited_config({}, [ConfigValue(("a",), 1)]) == {}
