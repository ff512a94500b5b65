"""What every analyzer shares: the socket loop, the job registry, the subprocess runner, SARIF."""
