"""How one request is measured: listing, canaries, schedule, cells, result cache."""
