"""Run one command and print its wall time and peak memory as JSON on the last line.

A script of its own, run by a bare interpreter: Linux starts a child's peak at its parent's, so a parent
that has imported anything large would be measured in place of a small child.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread


class AnonymousPeak(Thread):
    """Samples how much of a process's memory is its own, without the pages of files that it has mapped."""

    def __init__(self, pid: int) -> None:
        """Prepare to watch a process."""
        super().__init__(daemon=True)
        self.status = Path(f"/proc/{pid}/status")
        self.kilobytes = 0

    def run(self) -> None:
        """Sample until the process is gone."""
        try:
            while True:
                fields = dict(line.split(":", 1) for line in self.status.read_text().splitlines())
                self.kilobytes = max(self.kilobytes, int(fields["RssAnon"].split()[0]))
                time.sleep(0.05)
        except (OSError, KeyError):
            return


def main(command: list[str]) -> int:
    """Run the command, then report on it."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=sys.stderr)
    anonymous = AnonymousPeak(process.pid)
    anonymous.start()
    _, status, usage = os.wait4(process.pid, 0)  # the peak of the largest process of the tree
    seconds = time.perf_counter() - start
    anonymous.join()
    figures = {
        "seconds": seconds,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * 1024,
        "anonymous": anonymous.kilobytes * 1024,
    }
    print(json.dumps(figures))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
