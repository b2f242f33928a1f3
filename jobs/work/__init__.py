"""What workers do with a claim, and with a photo."""
