"""The store: the only layer that uses PostgreSQL."""
