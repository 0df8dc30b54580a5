"""Which units of a network may be exchanged: tables, their checks, elements and the matcher.

Text becomes a table in `table`, `table_reader`, `axis_syntax` and `size_expression`. A table and the shapes
of a model become a symmetry in `instantiate`, step by step: which entry each tensor belongs to
(`table_match`, `stacks`, `chain`), which groups are on its axes (`place_tensors`) and which of them are one
(`unify`), how large they are (`given_sizes`, `sizes`), which are families of others (`families`), and
whether they may be permuted (`coverage`, `freeze`).
"""
