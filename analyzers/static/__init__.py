"""The static analyzer: reads an app's source with tools that need no running app."""
