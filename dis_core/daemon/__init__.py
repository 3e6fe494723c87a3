"""A process per user that keeps a model warm: a cache for the command line and the editors, never a dependency."""
