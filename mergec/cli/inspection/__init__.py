"""What `mergec inspect` finds out about a checkpoint, or about two, and how it says so."""
