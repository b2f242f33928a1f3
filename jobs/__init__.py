"""Durable jobs: the table that is the truth, the processes that work, and the messages between them."""
