"""The local stack: embedded Temporal server, four analyzers, one worker and the dashboard,
under supervisord."""
