"""How one request is measured: canaries, schedule, cells, result cache."""
