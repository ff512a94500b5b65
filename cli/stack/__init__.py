"""The local stack: embedded Temporal server, four analyzers and one worker, under supervisord."""
