"""The report as a star schema: what spreadsheets, data frames and databases load."""
