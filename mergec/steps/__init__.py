"""Operations on whole models: one per file, found by name. Used by lower/; errors MC03xx."""
