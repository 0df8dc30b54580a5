"""Whether an output is what a recipe gives, and how two checkpoints differ. Errors: MC088x, MC089x.

Not named `verify`: once imported, a package of that name would hide the function `mergec.verify`.
"""
