"""Who a face shows, or that it is nobody known."""
