"""The program `mergec`: its commands by name, each imported only when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NoReturn

import click

from mergec import __version__
from mergec.cli.command import HELP_NAMES
from mergec.cli.settings import general_options, settings_of

# The command NAME is the object NAME of the module mergec.cli.NAME; a word of Python's has another one.
_OBJECTS = {"import": "import_recipe"}
COMMANDS = {
    "build": "Compile a recipe and write its checkpoint.",
    "check": "Compile and type-check a recipe from headers alone.",
    "plan": "Check a recipe, then say what a build would do.",
    "align": "Find the permutations that a recipe needs, and write these alone.",
    "lock": "Write or check a recipe's lock: what it reads, and what came out.",
    "verify": "Verify an output: its bytes, or what its recipe gives.",
    "attest": "Tell of what an output was made, as an in-toto statement.",
    "diff": "Show how two locks or two checkpoints differ.",
    "inspect": "Show what a checkpoint or adapter is, or how two differ.",
    "methods": "List all operations.",
    "explain": "Explain an operation, a code such as MC0402, or a topic.",
    "schema": "Write, check or show the JSON schema of recipes.",
    "symmetry": "Draft a symmetry table for a checkpoint, to review.",
    "graph": "Draw a recipe's sources and models.",
    "import": "Turn a mergekit configuration or block weights into a recipe.",
}


class Program(click.Group):
    """A group that knows its commands' names and summaries without importing them."""

    def make_context(
        self,
        info_name: str | None,  # noqa: ARG002  # `python -m mergec` calls itself `mergec` too
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401  # handed on to click as they are
    ) -> click.Context:
        """As click does, under the program's own name."""
        return super().make_context(self.name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The names, in the order of the overview."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        name = _OBJECTS.get(cmd_name, cmd_name)
        found = getattr(import_module(f"mergec.cli.{name}"), name)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a "did you mean" for a name that is no command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            _refuse(args[0], ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The overview, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; whatever it ends with becomes text and an exit code."""
        from mergec.cli.guard import run_guarded  # `--help` does without
        from mergec.cli.streams import accept_any_text

        accept_any_text()
        ctx.exit(run_guarded(lambda: super(Program, self).invoke(ctx), settings_of(ctx)))


def _refuse(name: str, ctx: click.Context) -> NoReturn:
    from mergec.diagnostics import did_you_mean, safe  # `--help` does without

    advice = did_you_mean(name, COMMANDS) or "`mergec --help` lists all commands"
    raise click.UsageError(f"no command `{safe(name)}`: {advice}", ctx)


main = Program(
    name="mergec",
    help="The compiler for model weights: declarative recipes in, merged checkpoints out.",
    epilog="`mergec COMMAND --help` tells more; `mergec explain recipe` shows how to write one.",
    params=[*general_options()],
    context_settings=HELP_NAMES,
    no_args_is_help=True,
)
main = click.version_option(__version__, prog_name="mergec", message="%(prog)s %(version)s")(main)
