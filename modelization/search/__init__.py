"""The search for a topology."""
