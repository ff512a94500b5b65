"""The application: what a program may ask of Assay. It knows no terminal and no settings."""
