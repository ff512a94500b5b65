"""What an app's source says of itself, read once for all analyzers: routes, manifests."""
