"""The version of what the primitives compute.

It rises with every change after which a kernel may give other bytes for the same operands: keys of tensors
and locks hold it, so that nothing that an older version computed is taken for what this one would compute.
"""

from __future__ import annotations

NUMERICS = 2
