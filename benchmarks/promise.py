"""Whether a build keeps to the memory that its plan promises."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

from benchmarks.measure import Command
from benchmarks.place import Place
from benchmarks.work import Pair

LIBRARIES = ("mergec.cli.build", "mergec.pipeline", "mergec.execute.numpy_computer")
TORCH = "mergec.execute.tile_computer"


def promise(budget: str, recipe: Callable[[Place], str], *more: str) -> Callable[[Place], Pair]:
    """A build within a budget beside an interpreter that only loads the same libraries, `more` among them."""

    def prepare(place: Place) -> Pair:
        ours = place.build("promise", recipe(place))
        argv = [*ours.argv, "--memory", budget]
        shown = [*argv[:1], "plan", *argv[2:], "--json"]
        plan = json.loads(subprocess.run(shown, capture_output=True, check=True, cwd=ours.cwd).stdout)
        alone = Command([sys.executable, "-c", f"import {', '.join((*LIBRARIES, *more))}"])
        return replace(ours, argv=argv, promise=plan["memory"]["peak"]), alone

    return prepare
