"""Pictures: reading them from files and other sources, putting them on backgrounds, and writing them without loss."""
