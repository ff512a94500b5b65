"""The report in the forms of other programs: papers, CI jobs, vulnerability management.

Pure: each function makes text of a report that was written, so that every form says the same.
"""
