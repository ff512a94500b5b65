"""What every analyzer shares: how it is reached, measures, runs commands and reads an app."""
