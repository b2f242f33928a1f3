"""A recognizer as files: the bundle, and the forms that are used without the service."""
