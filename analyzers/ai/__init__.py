"""The AI analyzer: models judge an app through any OpenAI-compatible endpoint, with evidence."""
