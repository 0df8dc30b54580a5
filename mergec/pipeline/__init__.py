"""The whole pipeline on one screen: the only package that knows the order of the stages.

text --recipe--> Recipe --sources--> SourceTable --lower--> LoweredRecipe --check--> CheckedGraph
     --optimise--> CheckedGraph --schedule--> Plan --execute, output--> checkpoint
"""

from mergec.pipeline.building import Built, build
from mergec.pipeline.compiling import Compiled, compile_loaded, compile_recipe
from mergec.pipeline.in_memory import tensors_of
from mergec.pipeline.options import DEFAULT_MEMORY, Options
from mergec.pipeline.planning import copied_files, make_build_plan, target_path, with_known_metadata
from mergec.pipeline.solving import solve

__all__ = [
    "DEFAULT_MEMORY",
    "Built",
    "Compiled",
    "Options",
    "build",
    "compile_loaded",
    "compile_recipe",
    "copied_files",
    "make_build_plan",
    "solve",
    "target_path",
    "tensors_of",
    "with_known_metadata",
]
