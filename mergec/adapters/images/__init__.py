"""The dialects of image models: kohya-ss and LyCORIS with flat names, diffusers with dotted ones.

Both store the change of a module; how the base stores that module, in either of two layouts, is found here.
"""
