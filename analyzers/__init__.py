"""The four analyzers: separate programs that import `contract` and nothing else of Assay."""
