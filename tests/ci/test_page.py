"""docs/ci.md: what it shows is sound, and what it says is so."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec import __version__
from mergec.diagnostics import ExitCode
from tests.ci.action import ROOT, read_action, read_document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import mergec
    from tests.conftest import Workbench

PAGE = (ROOT / "docs/ci.md").read_text()
BLOCKS = dict(re.findall(r"<!-- ci: (\S+) -->\n```yaml\n(.*?)```", PAGE, re.DOTALL))
WORKFLOWS = [name for name in BLOCKS if name != "pre-commit"]


def workflow(name: str) -> dict[str, Any]:
    document = read_document(BLOCKS[name])
    assert isinstance(document, dict)
    return document


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def test_every_yaml_block_is_tested() -> None:
    assert PAGE.count("```yaml\n") == len(BLOCKS)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_use_the_action_as_it_is(name: str) -> None:
    action = read_action()
    ours = [step for step in steps(name) if "mergec/mergec" in step.get("uses", "")]
    assert [step["uses"] for step in ours] == [f"mergec/mergec/.ci/action@v{__version__}"]
    assert ours[0]["with"].keys() <= action["inputs"].keys()
    assert ours[0]["with"].get("command", "check") in {"check", "plan", "lock-check", "verify"}
    named = re.findall(r"steps\.(\w+)\.outputs\.([\w-]+)", BLOCKS[name])
    assert all(step == ours[0]["id"] and output in action["outputs"] for step, output in named)


@pytest.mark.parametrize(
    ("name", "permissions"),
    [
        ("check", {"contents": "read"}),
        ("lock", {"contents": "read"}),
        ("verify", {"contents": "read"}),
        ("sarif", {"contents": "read", "security-events": "write"}),
        ("plan", {"contents": "read", "pull-requests": "write"}),
    ],
)
def test_workflows_may_do_no_more_than_they_have_to(name: str, permissions: dict[str, str]) -> None:
    assert sorted(WORKFLOWS) == ["check", "lock", "plan", "sarif", "verify"]
    assert workflow(name)["permissions"] == permissions
    assert "pull_request_target" not in BLOCKS[name]


def test_what_is_said_of_inputs_and_outputs() -> None:
    section = PAGE.split("| input | |")[1].split("### ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE) == list(read_action()["inputs"])
    assert all(f"`{name}`" in section for name in read_action()["outputs"])


def test_what_is_said_of_exit_codes() -> None:
    table = PAGE.split("| code | means |")[1].split("\n\n")[0]
    cells = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    assert {int(code) for cell in cells for code in cell.split(",")} == set(ExitCode)


def test_the_hooks_exist() -> None:
    (repository,) = workflow("pre-commit")["repos"]
    known = {hook["id"] for hook in read_document((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for hook in repository["hooks"]} == known
    assert repository["rev"] == f"v{__version__}"


def test_a_header_and_a_hole_are_enough(bench: Workbench) -> None:
    source = bench.source("a", {"w": np.ones((1000, 1000), np.float32)})
    size = source.stat().st_size
    with source.open("r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        file.truncate(8 + length)
        file.truncate(size)
    recipe: mergec.api.LoadedRecipe = bench.recipe("0.5 * a + 0.5 * a")
    assert len(recipe.plan().layout.tensors) == 1


class TestComment:
    """The script of the plan workflow, with a service that notes what it is asked for."""

    @pytest.fixture
    def posted(self, tmp_path: Path) -> Callable[..., dict[str, Any]]:
        node = shutil.which("node")
        if node is None:
            pytest.skip("no JavaScript here")
        script = next(step["with"]["script"] for step in steps("plan") if "script" in step.get("with", {}))

        def run(page: str, *comments: dict[str, Any]) -> dict[str, Any]:
            (tmp_path / "plan.md").write_text(page)
            program = f"""
                const asked = {{}}
                const issues = {{
                  listComments: 'list',
                  updateComment: async (given) => {{ asked.update = given }},
                  createComment: async (given) => {{ asked.create = given }},
                }}
                const github = {{rest: {{issues}}, paginate: async (what, given) => {{
                  asked.list = given
                  return {json.dumps(comments)}
                }}}}
                const context = {{repo: {{owner: 'o', repo: 'r'}}, issue: {{number: 7}}}}
                const run = async () => {{ {script} }}
                run().then(() => console.log(JSON.stringify(asked)))
            """
            environment = {"PLAN": str(tmp_path / "plan.md")}
            done = subprocess.run(
                [node, "-e", program], env=environment, capture_output=True, text=True, check=True
            )
            asked = json.loads(done.stdout)
            assert asked.pop("list") == {"owner": "o", "repo": "r", "issue_number": 7}
            assert isinstance(asked, dict)
            return asked

        return run

    def test_the_first_plan_is_a_new_comment(self, posted: Callable[..., dict[str, Any]]) -> None:
        others = [
            {"id": 1, "user": {"type": "User"}, "body": "<!-- mergec plan -->\nquoted by a person"},
            {"id": 2, "user": {"type": "Bot"}, "body": "of another tool"},
        ]
        body = "<!-- mergec plan -->\nthe plan"
        asked = posted("the plan", *others)
        assert asked == {"create": {"owner": "o", "repo": "r", "issue_number": 7, "body": body}}

    def test_the_next_one_takes_its_place(self, posted: Callable[..., dict[str, Any]]) -> None:
        own = {"id": 3, "user": {"type": "Bot"}, "body": "<!-- mergec plan -->\nold"}
        body = "<!-- mergec plan -->\nnew"
        assert posted("new", own) == {"update": {"owner": "o", "repo": "r", "comment_id": 3, "body": body}}

    def test_a_long_plan_is_cut(self, posted: Callable[..., dict[str, Any]]) -> None:
        assert len(posted("x" * 100_000)["create"]["body"]) == 65_000
