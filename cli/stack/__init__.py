"""The local stack: Temporal, four analyzers, a worker and the dashboard, under supervisord."""
