"""The table: what was accepted, what is still to do, and what came of it."""
