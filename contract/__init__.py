"""The nouns every other room speaks in. Pydantic and the standard library only."""
