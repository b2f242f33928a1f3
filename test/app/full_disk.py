"""Answers requests in a process that can write to no file, as on a full disk; run by test_metrics.py."""

import resource
import sys
from pathlib import Path

from app import create_app
from constants.settings import Settings

client = create_app(Settings(data_dir=Path(sys.argv[1]))).test_client()
client.get("/v1/recognizers")  # opens the database
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
alive, metrics = client.get("/is_alive"), client.get("/metrics")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(alive.status_code, metrics.status_code)
print(*(line for line in metrics.text.splitlines() if "seconds_count" in line and "is_alive" in line), sep="\n")
