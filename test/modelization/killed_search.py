"""A small search in a process of its own, to be killed: run with the file of its state."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.update({"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3"})

from modelization.folds import assign_folds
from modelization.search.search_options import SearchOptions
from modelization.search.topology_search import SearchResult, search_topology
from modelization.training_progress import SearchProgress
from test.modelization.made_up import training_set, trial

OPTIONS = SearchOptions(generations=10, population=6, max_layers=1, seed=5)


def run(state: Path | None, report: Callable[[SearchProgress], None] = lambda _: None) -> SearchResult:
    known = training_set([6, 5, 5, 4])
    return search_topology(trial(known, assign_folds(known.people, 1)), OPTIONS, state, report)


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1])).to_json()))
