"""The commands that need no server: building from a folder, recognizing, making a prior, backup and restore."""
