"""One background process per user that keeps models loaded: a cache for commands and editors, never a dependency."""
