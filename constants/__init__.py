"""What every package may know: settings, tunables, reason codes and exceptions."""
