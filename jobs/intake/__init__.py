"""From what a person sent to uploads with labels."""
