"""Diagnostics about locks. MC085x."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, Severity, diagnostic


@diagnostic("MC0850", "there is no lock `{path}`", exit_code=ExitCode.LOCK)
class LockMissing(Diagnostic):
    """A lock was asked for, and there is none beside the recipe.

    `recipe.lock` says exactly which files a recipe read and what came out, so that `--locked` and
    `lock --check` can tell whether they are still the same. A build writes it, and so does `mergec lock`,
    which builds nothing. Keep it under version control, beside the recipe.
    """

    path: str


@diagnostic("MC0851", "`{path}` is no lock: {problem}", exit_code=ExitCode.LOCK)
class BadLock(Diagnostic):
    """The file cannot be read as a lock of this version of mergec.

    Locks are written by mergec, never by hand. After a merge of two branches a lock may hold the marks of
    a conflict: remove the file, and `mergec lock` writes a new one. mergec removes nothing that is not
    its own, so a file of another program under this name has to be moved away first.
    """

    path: str
    problem: str
    help: str | None = "remove it; `mergec lock` writes a new one"


@diagnostic(
    "MC0852", "`{path}` was written by a newer mergec: its schema is {found}", exit_code=ExitCode.LOCK
)
class NewerLock(Diagnostic):
    """The schema of the lock is one that this version does not know.

    It may demand what this version cannot check, so that nothing is said about it, and it is not
    replaced either.
    """

    path: str
    found: str
    help: str | None = "use the version of mergec that wrote it, or a later one"


@diagnostic("MC0853", "`{path}` is not as mergec wrote it", exit_code=ExitCode.LOCK)
class EditedLock(Diagnostic):
    """Something in the lock was changed after it was written: its checksum does not agree.

    The checksum is no signature: it finds slips and merges of two versions, not somebody who knows how to
    compute it. What a lock says is proved by `mergec lock --check` and by building again.
    """

    path: str
    help: str | None = "restore it from version control, or write it anew with `mergec lock`"


@diagnostic("MC0854", "`{path}` is the lock of `{other}`", exit_code=ExitCode.LOCK)
class LockOfAnotherRecipe(Diagnostic):
    """The lock beside the recipe belongs to another recipe.

    A lock has the name of its recipe, with the ending `.lock`: two recipes that differ in their endings
    alone would share one. Rename one of them.
    """

    path: str
    other: str


@diagnostic("MC0855", "the lock is stale: {what}", exit_code=ExitCode.LOCK)
class StaleLock(Diagnostic):
    """The lock says something else than what is there now.

    The recipe, a source, a file that the recipe names or takes over, or the arithmetic of mergec itself is
    not the one that the lock was written for. If the change is meant, `mergec lock` or a build renews the
    lock, and the change can be reviewed there. If not, the lock tells what was expected.
    """

    what: str


@diagnostic("MC0856", "the lock `{path}` cannot be written: {problem}", exit_code=ExitCode.RESOURCES)
class LockNotWritten(Diagnostic):
    """The system refused to write the lock beside the recipe: no room, no permission, a failing disk.

    The lock that was there is untouched.
    """

    path: str
    problem: str
    help: str | None = "make the recipe's folder writable for this user"


@diagnostic(
    "MC0857", "the output is not the one that the lock promises: {what}", exit_code=ExitCode.VERIFICATION
)
class OutputNotLocked(Diagnostic):
    """Recipe, sources and arithmetic agree with the lock, and yet something else came out.

    For outputs of class R0 and R1 that is a fault of mergec, of torch or of the machine: please report it.
    What a match finds (class R2) may differ between machines: name the permutations that were found in
    the recipe (`permutations:`), and what follows from them is the same everywhere. Nothing was
    published.
    """

    what: str


@diagnostic("MC0858", "the lock is left as it is: {problem}", severity=Severity.WARNING)
class LockLeft(Diagnostic):
    """A build could not write the lock of its recipe.

    The output is there, and nothing is wrong with it. What stands in the lock's place is no lock of this
    recipe, or one of a newer mergec, or the folder cannot be written; `mergec lock` tells more.
    """

    path: str
    problem: str
    help: str | None = "see to the file beside the recipe, then write the lock with `mergec lock`"
