"""The report that comes with every version: its content as data, its plots, and its page."""
