"""The search for a topology: a genetic algorithm that knows nothing of faces. Empty in this version."""
