"""What an app's folder holds: its files, whose work they are, and which of its projects run."""
