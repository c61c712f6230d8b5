"""Everything for a run without Azure: a simulated mail world, its protocols, a small Functions host. Never deployed."""
