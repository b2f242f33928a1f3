"""The processes beside the web side."""
