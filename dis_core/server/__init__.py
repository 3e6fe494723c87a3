"""Servers: other programs ask, and the same jobs as the command's answer."""
