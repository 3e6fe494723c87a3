"""Pictures: read from files and other sources, put before backgrounds, and written, without losing anything of them."""
