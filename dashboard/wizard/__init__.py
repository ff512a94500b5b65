"""The wizard in the browser: its answers in a form, and what its last step and a spec show."""
