from __future__ import annotations

import pytest

from mergec.symmetries.matching.cluster import clusters_of
from mergec.symmetries.matching.part import parts_of
from mergec.symmetries.matching.stages import SHARES, can_be_screened, lines_of, stages
from tests.symmetries.matching.topologies import ALL, mlp


@pytest.mark.parametrize("name", ALL)
def test_all_lines_of_all_terms_come_once(name: str) -> None:
    symmetry = ALL[name]
    for cluster in clusters_of(symmetry, parts_of(symmetry)):
        for energies in ([1.0] * len(cluster.terms), [float(i) for i in range(len(cluster.terms))]):
            if not sum(energies):
                continue
            planned = stages(cluster.terms, energies)
            assert len(planned) == len(SHARES)
            seen = sorted((one.term, line) for stage in planned for one in stage for line in one.some)
            every = [(i, line) for i, term in enumerate(cluster.terms) for line in range(lines_of(term))]
            assert seen == every


def test_stages_hold_their_shares_of_the_energy() -> None:
    symmetry = mlp(4096, 512, 2048, 3)
    cluster = clusters_of(symmetry, parts_of(symmetry))[0]
    energies = [2.0, 0.0, 6.0]
    done, shares = 0.0, []
    for stage in stages(cluster.terms, energies):
        done += sum(energies[one.term] * len(one.some) / lines_of(cluster.terms[one.term]) for one in stage)
        shares.append(done / sum(energies))
    assert shares == pytest.approx(SHARES, abs=0.02)


def test_what_has_most_energy_for_its_size_comes_first() -> None:
    symmetry = mlp(4096, 512, 2048, 3)
    cluster = clusters_of(symmetry, parts_of(symmetry))[0]
    elements = [term.view.height * term.view.width for term in cluster.terms]
    assert elements[0] > elements[2] > elements[1]
    assert [one.term for one in stages(cluster.terms, [1.0, 0.1, 1.0])[0]] == [2]
    assert [one.term for one in stages(cluster.terms, [8.0, 0.1, 1.0])[0]] == [0]
    assert stages(cluster.terms, [8.0, 0.1, 1.0])[-1][-1].term == 1


def test_small_clusters_and_crossed_ones_are_not_screened() -> None:
    for symmetry, expected in ((mlp(8, 300, 3), True), (mlp(8, 30, 3), False), (ALL["LSTM"], False)):
        for cluster in clusters_of(symmetry, parts_of(symmetry)):
            assert can_be_screened(symmetry, cluster.terms) is expected
