"""The AI analyzer: judges behind any OpenAI-compatible endpoint, held to evidence that exists."""
