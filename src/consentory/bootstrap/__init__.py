"""The composition root: settings → database → services → API, worker and the tree of processes."""
