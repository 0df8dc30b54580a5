"""The command line. Takes: arguments. Gives: text on stdout and stderr, and an exit code. Errors: MC09xx."""

from mergec.cli.program import main

__all__ = ["main"]
