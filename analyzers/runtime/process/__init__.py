"""How an analyzer runs commands, and ends all that they start."""
