"""`python -m benchmarks`: make the inputs, measure every work beside its peer, and write the results."""

import argparse
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import peers
from benchmarks.measure import CommandFailedError, imports_torch, side_by_side
from benchmarks.mnist import CannotFetchError
from benchmarks.peers import NoPeerError
from benchmarks.place import Place
from benchmarks.report import Row, page, table
from benchmarks.shapes import SIZES
from benchmarks.targets import Under
from benchmarks.work import Work
from benchmarks.works import WORKS

RESULTS: Final = Path(__file__).with_name("RESULTS.md")
TMPFS: Final = Path("/dev/shm")  # noqa: S108 - outputs go into a folder of our own there


def main() -> int:
    """Run the benchmarks; 0 when every measured promise is kept."""
    options = _arguments()
    out = options.out_dir.resolve() / "mergec-benchmarks"
    place = Place(options.work.resolve(), out, options.size, options.git_re_basin, options.sharing)
    place.out.mkdir(parents=True, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = str(place.cache)
    rows = []
    for work in _chosen(options.only, has_rebasin=options.git_re_basin is not None):
        try:
            rows.append(_measure(work, place, options.runs))
        except NoPeerError as missing:
            print(f"skipped: {work.title}: {missing}", file=sys.stderr)
            continue
        print(rows[-1].line(), file=sys.stderr, flush=True)
    text = page(rows, place, options.runs, peers.versions(place.work))
    shutil.rmtree(place.out)
    print(table(rows))
    report = options.report or (RESULTS if options.only is None and options.size == "1.1b" else None)
    if report is not None:
        report.write_text(text)
    return 0 if all(row.kept for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    keys = ", ".join(dict.fromkeys(work.key for work in WORKS))
    parser.add_argument("--size", choices=SIZES, default="1.1b", help="parameters of the merged models")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks-work"), help="inputs; they stay")
    parser.add_argument("--out-dir", type=Path, default=TMPFS if TMPFS.is_dir() else Path(".benchmarks-work"))
    parser.add_argument("--runs", type=int, default=5, help="pairs of runs of each work")
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"some of: {keys}")
    parser.add_argument("--git-re-basin", type=Path, help="a checkout of its PyTorch port")
    parser.add_argument("--sharing", type=Path, help="a folder of a file system that shares blocks, as XFS")
    parser.add_argument("--report", type=Path, help=f"default: {RESULTS.name}, after a full run at 1.1b only")
    return parser.parse_args()


def _chosen(only: list[str] | None, *, has_rebasin: bool) -> list[Work]:
    if only is None:
        if not has_rebasin:
            print(f"no `align`: no checkout of {peers.REBASIN} was given by --git-re-basin", file=sys.stderr)
        return [work for work in WORKS if work.by_default and (has_rebasin or not work.needs_peer)]
    unknown = set(only) - {work.key for work in WORKS}
    if unknown:
        sys.exit(f"no such work: {', '.join(sorted(unknown))}")
    return [work for work in WORKS if work.key in only]


def _measure(work: Work, place: Place, runs: int) -> Row:
    title = work.title.format(size=place.size)
    try:
        ours, theirs = work.prepare(place)
        measured = side_by_side(ours, theirs, runs)
        if isinstance(work.target, Under) and work.target.no_torch:
            measured = replace(measured, imports_torch=imports_torch(ours))
        account = work.account(place) if work.account is not None else None
    except (CannotFetchError, CommandFailedError) as failure:
        return Row(work, title, None, str(failure))
    return Row(work, title, measured, account=account)


if __name__ == "__main__":
    sys.exit(main())
