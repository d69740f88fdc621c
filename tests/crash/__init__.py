"""Imports on a machine whose processes are killed again and again: what scripts/crash and tests/test_crash.py run."""
