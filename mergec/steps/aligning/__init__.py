"""What `op: align` is made of."""
