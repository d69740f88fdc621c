"""The store: the only layer that speaks to PostgreSQL."""
