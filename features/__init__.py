"""Encodings kept, faces chosen, people assembled: everything between a face and a network."""
