from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from click.testing import Result


def test_the_committed_schema_is_up_to_date(
    mergec_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(request.config.rootpath)
    result = mergec_command("schema", "check")
    assert result.exit_code == 0, "run `mergec schema write`"


def test_check_write_and_show(
    mergec_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mergec_command("schema", "check").exit_code == 1
    assert mergec_command("schema", "write").exit_code == 0
    assert mergec_command("schema", "check").exit_code == 0
    file = tmp_path / "schemas" / "recipe.schema.json"
    assert file.read_text() == mergec_command("schema", "show").stdout
    assert json.loads(file.read_text())["$id"].endswith("schemas/recipe.schema.json")
    locks = tmp_path / "schemas" / "lock.schema.json"
    assert locks.read_text() == mergec_command("schema", "show", "lock").stdout
    assert json.loads(locks.read_text())["$id"].endswith("schemas/lock.schema.json")
    locks.write_text("{}")
    assert mergec_command("schema", "check").exit_code == 1
    mergec_command("schema", "write")
    file.write_text("{}")
    stale = mergec_command("schema", "check")
    assert stale.exit_code == 1
    assert "run `mergec schema write`" in stale.stderr


def test_a_folder_that_cannot_be_written(
    mergec_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schemas").write_text("a file")
    result = mergec_command("schema", "write")
    assert result.exit_code == 6
    assert "error[MC0804]" in result.stderr
