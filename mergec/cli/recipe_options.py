"""Arguments and options that several commands on recipes share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec.diagnostics import safe
from mergec.ir.byte_size import parse_size
from mergec.recipe.recipe_model import safetensors_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    F = TypeVar("F", bound=Callable[..., None])


_PLUGINS = "mergec.allow_plugins"


class _Size(click.ParamType[int]):
    """A size such as 2GiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        """The bytes; a usage error where the text is no size."""
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Output(click.ParamType[Path]):
    """Where to write: a directory or a safetensors file."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ANN401
        """The path; a usage error where it is empty or has the ending of another format."""
        if not str(value):
            self.fail("the path is empty", param, ctx)
        try:
            return Path(safetensors_path(str(value)))
        except ValueError as error:
            self.fail(f"{str(error).replace('; ', f', found `{safe(value)}`; ')}", param, ctx)


def recipe_argument(function: F) -> F:
    """RECIPE, as `recipe`."""
    return click.argument("recipe", type=click.Path(path_type=Path))(function)


def recipes_argument(function: F) -> F:
    """RECIPE..., as `recipes`."""
    path = click.Path(path_type=Path)
    return click.argument("recipes", metavar="RECIPE...", nargs=-1, required=True, type=path)(function)


def set_option(function: F) -> F:
    """`--set NAME=VALUE`, as `overrides`."""
    return click.option(
        "--set",
        "overrides",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_overrides,
        help="Give one of the recipe's parameters another value. May be repeated.",
    )(function)


def plugins_option(function: F) -> F:
    """`--allow-plugins`, for `allows_plugins`."""
    return click.option(
        "--allow-plugins",
        is_flag=True,
        expose_value=False,
        callback=_remember_plugins,
        help="Run the Python files that the recipe names under `plugins`.",
    )(function)


def allows_plugins() -> bool:
    """Whether the running command was given `--allow-plugins`."""
    return bool(click.get_current_context().meta.get(_PLUGINS, False))


def _remember_plugins(context: click.Context, _parameter: click.Parameter, value: object) -> None:
    context.meta[_PLUGINS] = value


def limit_options(function: F) -> F:
    """`--out`, `--memory` and `--workers`; the latter two are None for the default."""
    out = click.option(
        "--out", type=_Output(), metavar="PATH", help="Write here instead of the recipe's output path."
    )
    return out(resource_options(function))


def resource_options(function: F) -> F:
    """`--memory` and `--workers`; None for the default."""
    memory = click.option(
        "--memory",
        type=_Size(),
        metavar="SIZE",
        default=None,
        help="The most memory to use above the interpreter's own, such as 2GiB. [default: 1GiB]",
    )
    workers = click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        default=None,
        help="Threads that compute. [default: one per processor]",
    )
    return memory(workers(function))


def _overrides(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"`{text}` is not of the form NAME=VALUE", context, parameter)
        if name in found:
            raise click.BadParameter(f"`{name}` is given twice", context, parameter)
        found[name] = value
    return found
