"""Side-by-side benchmarks of mergec and what people use today: `python -m benchmarks --help`."""
