"""`mergec` without a journal and without digests of what it writes, to tell what these cost."""

import sys

from mergec.cli.entry import run
from mergec.output import partial_output
from mergec.output.journal import Entry, Journal
from mergec.output.tensor_digests import EMPTY, TensorDigests


class NoDigests(TensorDigests):
    """Counts the bytes of tensors, and hashes none of them."""

    def note_written(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Nothing is hashed."""

    def note_copied(self, shard: int, offset: int, nbytes: int, scratch: memoryview) -> None:
        """Nothing is read back."""

    def note_done(self, number: int, nbytes: int, scratch: memoryview) -> str | None:  # noqa: ARG002
        """The same digest for all, once they are there."""
        chunks = self._chunks(number)
        with self._lock:
            chunks.bytes_left -= nbytes
            return None if chunks.bytes_left else EMPTY


class NoJournal(Journal):
    """Tells nobody what is finished."""

    def add(self, number: int, entry: Entry) -> None:
        """A tensor is finished."""
        self.entries[number] = entry


if __name__ == "__main__":
    vars(partial_output).update(TensorDigests=NoDigests, Journal=NoJournal)
    sys.argv[0] = "mergec"
    run()
