"""Activities: what workflows ask of the world, through injected ports."""
