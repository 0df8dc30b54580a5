"""What a recipe and its sources are, as digests: keys of tensors, recipe.lock. Errors: MC085x, MC086x."""
