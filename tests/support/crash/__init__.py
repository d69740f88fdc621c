"""Imports on a machine whose processes are killed again and again: scripts/crash and
tests/resilience/test_crash.py run them."""
