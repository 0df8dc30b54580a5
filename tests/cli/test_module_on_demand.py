"""Modules that are loaded late: what holds them back, and that torch is none the worse for it."""

from __future__ import annotations

import subprocess
import sys


def run(script: str) -> None:
    head = "import sys\nfrom mergec.cli.module_on_demand import load_on_demand\n"
    done = subprocess.run([sys.executable, "-c", head + script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_is_loaded_when_something_in_it_is_asked_for() -> None:
    run(
        """
load_on_demand("colorsys")
import colorsys
from colorsys import __spec__, rgb_to_hsv
assert __spec__ is None
assert sys.modules["colorsys"].rgb_to_hsv is rgb_to_hsv
assert colorsys.hsv_to_rgb(*rgb_to_hsv(0.5, 0.25, 0.75)) == (0.5, 0.25, 0.75)
"""
    )


def test_what_is_not_asked_for_is_not_loaded() -> None:
    run(
        """
load_on_demand("colorsys")
import colorsys
assert not hasattr(colorsys, "__file__")
assert "rgb_to_hsv" not in vars(sys.modules["colorsys"])
"""
    )


def test_what_is_there_already_stays() -> None:
    run("import colorsys\nload_on_demand('colorsys')\nassert sys.modules['colorsys'] is colorsys")


def test_torch_starts_without_the_module_and_finds_it_later() -> None:
    run(
        """
load_on_demand("torch._meta_registrations")
import torch
assert "torch._prims" not in sys.modules
assert (torch.ones(2, dtype=torch.bfloat16) + 1).tolist() == [2, 2]
assert torch.empty(3, 2, device="meta").T.shape == (2, 3)
assert callable(torch._meta_registrations.register_meta)
assert "torch._prims" in sys.modules
"""
    )
