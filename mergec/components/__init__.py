"""What the parts of a model are called: the components of a checkpoint by its tensor names. No torch."""
