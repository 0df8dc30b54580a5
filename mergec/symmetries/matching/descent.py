"""Coordinate descent: the clusters in turn, each given the others, until nothing changes."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.element import identity
from mergec.symmetries.matching.anchored import anchored_order
from mergec.symmetries.matching.freed_memory import give_back
from mergec.symmetries.matching.solution import Step
from mergec.symmetries.matching.state import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.ir.matching import Matching
    from mergec.symmetries.matching.anchored import Start
    from mergec.symmetries.matching.in_order import Workers
    from mergec.symmetries.matching.solution import Progress
    from mergec.symmetries.matching.state import Problem


class Descent:
    """Improves the state of one model."""

    def __init__(
        self, matching: Matching, state: State, workers: Workers, progress: Progress, model: int
    ) -> None:
        """`model` is the number that progress is told."""
        self.matching = matching
        self.problem = state.problem
        self.state = state
        self.workers = workers
        self.progress = progress
        self.model = model
        self.changes = [0] * len(self.problem.clusters)
        self.solved: dict[int, tuple[int, ...]] = {}
        self.neighbours = [self.problem.neighbours(i) for i in range(len(self.problem.clusters))]
        self.lock = Lock()

    def initialise(self) -> None:
        """Solve every cluster from its anchored terms."""
        starts = {start.cluster: start for start in anchored_order(self.problem)}
        self._pass(list(starts), 0, starts)

    def sweeps(self) -> list[float]:
        """Sweep until one changes nothing; the objective after each."""
        objectives = []
        for sweep in range(1, self.matching.max_sweeps + 1):
            before = sum(self.changes)
            self._pass(self._order(sweep), sweep, {})
            if len(self.state.kept) < len(self.problem.clusters):
                give_back()
            objectives.append(self.state.objective)
            if sum(self.changes) == before:
                break
        return objectives

    def _order(self, sweep: int) -> list[int]:
        key = np.array([self.matching.seed & (2**64 - 1), sweep], np.uint64)
        raw = np.random.Philox(key=key).random_raw(len(self.problem.clusters))
        return [int(number) for number in np.argsort(raw, kind="stable")]

    def _pass(self, order: Sequence[int], sweep: int, starts: Mapping[int, Start]) -> None:
        done = 0

        def improve(number: int) -> None:
            nonlocal done
            cluster = self.problem.clusters[number]
            start = starts.get(number)
            seen = self._seen(number)
            if self.solved.get(number) != seen:
                if start is None:
                    has_changed = self.state.improve(cluster, cluster.parts, self.workers.run)
                else:
                    has_changed = self.state.start(cluster, start, self.workers.run)
                self.changes[number] += has_changed
                if start is None or len(start.parts) == len(cluster.parts):
                    self.solved[number] = seen
                if cluster.name not in self.state.kept:  # those come again and again, and are small
                    give_back()
            with self.lock:
                done += 1
                objective = self.state.objective
                self.progress(
                    Step(self.model, sweep, done, len(self.problem.clusters), cluster.name, objective)
                )

        self.workers.in_order(order, self.neighbours.__getitem__, improve)

    def _seen(self, number: int) -> tuple[int, ...]:
        """What a cluster's best depends on: how often its neighbours changed, and itself if quadratic."""
        others = tuple(self.changes[other] for other in self.neighbours[number])
        return (*others, self.changes[number]) if self.problem.clusters[number].is_quadratic else others


def align(
    matching: Matching,
    problem: Problem,
    workers: Workers,
    progress: Progress,
    model: int,
) -> tuple[State, list[float]]:
    """The state in which a model is aligned to the anchor, and the objectives on the way to it.

    If what follows from the anchored start is worse than the identity, the descent starts from that.
    """
    values = [size.inner for size in problem.sizes]
    state = State(problem, identity(matching.symmetry), values)
    at_identity = state.objective
    descent = Descent(matching, state, workers, progress, model)
    descent.initialise()
    objectives = [state.objective, *descent.sweeps()]
    if state.objective >= at_identity:
        return state, objectives
    del descent, state  # and the costs they keep
    state = State(problem, identity(matching.symmetry), values)
    again = Descent(matching, state, workers, progress, model)
    objectives = [at_identity, *again.sweeps()]
    return state, objectives
