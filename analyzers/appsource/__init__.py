"""Facts in an app's source, read once for all analyzers: routes, manifests."""
