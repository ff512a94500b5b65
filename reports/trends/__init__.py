"""An app's figures against its own history: which of them changed, since when, and by how much."""
