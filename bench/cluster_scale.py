"""What a Dask cluster gains: stages of a known length on one to eight workers, and real pictures on one and two."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.harness import arguments, first_pictures, progress, report, timed
from bench.running_cluster import RunningCluster, running_cluster
from bench.simulated_stage import rest
from constants.settings import Settings
from jobs.processes.cluster_sender import batches_for
from jobs.table.tasks import ENCODE_BATCH
from jobs.work import stages
from jobs.work.cluster import Cluster
from jobs.work.cluster_executor import ClusterExecutor
from preprocessor.face_pipeline import prepare_graphs

#: Workers whose stages are simulated, and those that encode: more would share this machine's cores.
SIMULATED, REAL = (1, 2, 4, 8), (1, 2)
#: Seconds of a simulated stage: about a batch of eight pictures.
STAGE_S = 0.25
#: Stages for each worker, and those that run alone.
STAGES, LONE = 40, 200
QUICK_STAGES, QUICK_LONE = 12, 50
#: Seconds between two lone stages.
PAUSE_S = 0.02
#: Pictures that are encoded, and on a short run.
PICTURES, QUICK_PICTURES = 320, 64


def main() -> None:
    options = arguments(str(__doc__))
    each, lone = (QUICK_STAGES, QUICK_LONE) if options.quick else (STAGES, LONE)
    pictures = first_pictures(options.dataset, QUICK_PICTURES if options.quick else PICTURES)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(data_dir=Path(name) / "data")
        prepare_graphs(settings)
        for workers in progress(sorted({*SIMULATED, *REAL}), "workers"):
            with running_cluster(Path(name), int(workers)) as running:
                cluster = Cluster(running.address)
                cluster.look(patience_s=60)
                figures |= _simulated(cluster, each)
                if workers == 1:
                    figures |= _lone(running, cluster, lone)
                if workers in REAL:
                    figures |= _real(cluster, pictures, settings)
                cluster.close()
    figures["images_per_second_here"] = _here(pictures, settings)
    report("cluster_scale", figures, {"stages_per_worker": each, "lone_stages": lone, "pictures": len(pictures)})


def _simulated(cluster: Cluster, each: int) -> dict[str, float]:
    """The share of the time that workers were at work, while they were given stages as the service gives them."""
    workers = len(cluster.workers)
    seconds = _all(lambda _: cluster.run(rest, STAGE_S), range(each * workers), workers)
    unspent = _all(lambda _: cluster.run(rest, 0.0), range(each * workers), workers)
    return {
        f"efficiency_{workers}": each * STAGE_S / seconds,
        f"in_flight_ms_{workers}": 1000 * unspent / (each * workers),
    }


def _lone(running: RunningCluster, cluster: Cluster, count: int) -> dict[str, float]:
    """Milliseconds that a stage costs which no other is in the way of; and how long processes compute for one."""
    took = []
    for _ in range(count):
        time.sleep(PAUSE_S)
        took.append(1000 * timed(cluster.run, rest, 0.0)[0])
    before = running.computed_s() + time.process_time()
    for _ in range(count):
        cluster.run(rest, 0.0)
    computed = running.computed_s() + time.process_time() - before
    return {
        "stage_overhead_ms": statistics.median(took),
        "stage_overhead_least_ms": min(took),
        "stage_computing_ms": 1000 * computed / count,
    }


def _real(cluster: Cluster, pictures: Sequence[Path], settings: Settings) -> dict[str, float]:
    workers, executor = len(cluster.workers), ClusterExecutor(cluster)
    batches = [pictures[start : start + ENCODE_BATCH] for start in range(0, len(pictures), ENCODE_BATCH)]

    def encode(batch: Sequence[Path]) -> None:
        executor.submit(stages.encode, batch, settings).result()

    _all(encode, batches[: 4 * workers], workers)  # networks are loaded with the first pictures
    return {f"images_per_second_{workers}": len(pictures) / _all(encode, batches, workers)}


def _here(pictures: Sequence[Path], settings: Settings) -> float:
    """What one process does without a cluster."""
    stages.encode(pictures[:ENCODE_BATCH], settings)
    seconds = 0.0
    for start in range(0, len(pictures), ENCODE_BATCH):
        seconds += timed(stages.encode, pictures[start : start + ENCODE_BATCH], settings)[0]
    return len(pictures) / seconds


def _all(send: Callable[[Any], object], items: Sequence[Any], workers: int) -> float:
    """Seconds in which all are sent and answered."""
    with ThreadPoolExecutor(batches_for(workers)) as pool:
        return timed(lambda: list(pool.map(send, items)))[0]


if __name__ == "__main__":
    main()
