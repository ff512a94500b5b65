"""Pages and an API for people and programs that watch and steer pipelines in a browser."""
