"""What a worker shows of itself: `/metrics`, `/health` and `/ready` on one address."""
