"""Tunables of the durable jobs."""

#: Times that a task is tried before it is dead; a crash of its worker counts as one.
MAX_ATTEMPTS = 3
#: Seconds that a claimed task may go without a sign of life before it is handed out again.
ENCODE_LEASE_S = 60.0
#: Seconds for a video, which is taken apart in one go: at most 9,000 megapixels, in 45 s on a core that does nothing
#: else, and 120 frames of it encoded.
VIDEO_LEASE_S = 600.0
#: Seconds; a training reports at every epoch, the longest silence is the import of TensorFlow.
TRAIN_LEASE_S = 180.0
#: Pictures handed to a worker at once: enough to batch, few enough that little is done twice.
ENCODE_BATCH = 8
#: Milliseconds between two looks of the dispatcher at the table, which heal any lost message.
SWEEP_MS = 500
#: Milliseconds after which an idle worker says again that it is ready, for a dispatcher that restarted.
READY_MS = 1000
#: Recognitions that may wait for a worker; beyond it a client is told to come back.
MAX_WAITING_RECOGNITIONS = 256
#: Times that a recognition is handed out when the worker holding it dies.
RECOGNITION_ATTEMPTS = 2
#: Seconds that a stopping process has to finish what it holds before it is killed; leases make that safe.
STOP_GRACE_S = 10.0
#: Seconds before a process that ended is started again; doubled at each quick end, up to the second.
RESTART_DELAY_S = (0.2, 10.0)
#: Trainings after which a train worker's process is replaced: TensorFlow keeps some 2 MB of each for ever.
TRAININGS_PER_PROCESS = 50
#: Seconds between two records of a training's progress, each of which is a synced write.
PROGRESS_INTERVAL_S = 0.5
#: JPEG quality of a photo that faces were drawn into: nothing is seen of the loss.
DRAWN_QUALITY = 90
#: Bytes of recognizers' heads that a worker keeps ready; one of a hundred people is about half a megabyte.
KEPT_RECOGNIZERS_BYTES = 64 * 1024 * 1024
