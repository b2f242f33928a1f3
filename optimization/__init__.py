"""A genetic algorithm for genomes of any length and several objectives; it knows nothing of what they stand for."""
