"""Which units of a network may be exchanged: tables, their checks, elements and the matcher."""
