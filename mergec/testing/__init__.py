"""For the tests of people who write symmetry tables: does permuting units leave the network as it is?

>>> from mergec.testing import check_symmetry
>>> report = check_symmetry("my_table.yaml", model.state_dict(), forward)  # doctest: +SKIP
>>> assert not report.problems  # doctest: +SKIP
"""

from mergec.symmetries.self_test.report import EVERYTHING, FamilyResult, SymmetryReport
from mergec.testing.symmetry_test import check_symmetry

__all__ = ["EVERYTHING", "FamilyResult", "SymmetryReport", "check_symmetry"]
