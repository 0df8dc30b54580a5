"""Diagnostics of what is found while computing. MC0706."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, diagnostic


@diagnostic("MC0706", "the function `{function}` of the plugin `{plugin}` failed: {problem}")
class HostFunctionFailed(Diagnostic):
    """A method that does not come with mergec computes numbers by Python, and its function failed.

    Functions that `scalars(...)` names are called while the output is written, with the dot products and
    other numbers that were found. They must give as many numbers as they promised, for every tensor: also
    for one of zeros, or of no elements. The output path is as it was.
    """

    function: str
    plugin: str
    problem: str
