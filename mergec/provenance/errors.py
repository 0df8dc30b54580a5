"""Diagnostics about cards, licences and attestations. MC083x."""

from __future__ import annotations

from mergec.diagnostics import Diagnostic, ExitCode, Severity, diagnostic


@diagnostic("MC0830", "the sources have different licences: {licences}", severity=Severity.WARNING)
class LicencesDiffer(Diagnostic):
    """The cards of the sources name licences that are not the same.

    What is made of several works has to comply with the licences of all of them, and some cannot be
    combined at all. mergec does not judge that: the card of the output says `license: other` and lists
    what each source says. Read the licences before you pass the output on. `output: card: false` leaves
    the card to you.
    """

    licences: str


@diagnostic("MC0831", "the card of `{source}` cannot be used: {problem}", severity=Severity.WARNING)
class CardUnreadable(Diagnostic):
    """The README.md beside the weights of a source begins with a front matter that cannot be read.

    The card of the output gathers licences from there, as the Hugging Face Hub shows them: `license`,
    `license_name`, `license_link`, `base_model`, `library_name` and `pipeline_tag`. Nothing else in the
    file is looked at, and anchors, aliases and repeated keys are refused there as in a recipe. The build
    goes on, with the source's licence counted as not stated.
    """

    source: str
    problem: str
    help: str | None = "mend the lines between the first two `---` of the file"


@diagnostic("MC0832", "the statement cannot be written to `{path}`: {problem}", exit_code=ExitCode.RESOURCES)
class StatementNotWritten(Diagnostic):
    """The system refused to write the file that `--out` names: no room, no permission, no such folder.

    Without `--out` the statement goes to stdout.
    """

    path: str
    problem: str
    help: str | None = "name a file in a folder that exists and can be written"
