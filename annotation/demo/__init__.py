"""The demo: two published data sets, a spec of real clauses, simulated annotators, and the story they go through."""
