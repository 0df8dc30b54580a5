"""Weight matching: the permutations that bring one model closest to another."""
