"""What of an output a build takes over, and why it makes the rest: for `plan` and `build`."""
