"""A generator and a discriminator from the minimax game, and an honest look at what they learn."""
