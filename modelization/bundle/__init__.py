"""A recognizer as files: the dump, and the forms that are used without the service."""
