"""Tests inside of real editors."""
