"""A claim of a training: name the faces, train, commit the finished bundle."""

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from constants.exceptions import BuildCancelled, BuildFailed, NotFound, ObjectDamaged
from constants.reasons import Reason
from features.alive import Alive
from features.face_naming import NamedFace, Picture
from features.store import Shelf
from features.training_set import TrainingSet, assemble
from jobs.arrival import present_picture
from jobs.files.held_folder import held_folder, temporary_files_in
from jobs.machine_faults import is_machine_fault, words_of
from jobs.table import build_log, tasks
from jobs.table.builds import build_numbered
from jobs.table.records import Build, File, files_of
from jobs.table.tables import BuildState
from jobs.table.work_counts import Took, Work, count_duration
from jobs.work import pulse, stages
from jobs.work.examining import Examined, examined, pictures_of, record
from jobs.work.introducing import introduce
from jobs.work.pipelines import settings_of_build
from jobs.work.progress import TRAINING, TrainingReport
from jobs.work.uncollected import uncollected
from jobs.workplace import Workplace
from logger import logger
from modelization.bundle.bundle_splitting import split_bundle
from modelization.decision.shortlist import MOST_JUDGED
from modelization.findings import name_files
from modelization.provenance import Provenance, TrainingOptions
from modelization.topology import DEFAULT_TOPOLOGY
from modelization.training_progress import preparing
from preprocessor.version import pipeline_version

#: Kept pictures that the one-file form is proved on: enough for every kind of face, few enough for a second or two.
_PARITY_PICTURES = 12
#: Seconds for which a trained recognizer waits for the place where all nodes find it, and those between two tries.
_PATIENCE_S, _PAUSE_S = 600.0, 2.0


def train_claim(workplace: Workplace, claim: tasks.Claim) -> None:
    """Train a build's recognizer and commit its bundle; of a dry run, or where none can come of it, what was found.

    Raises ``BuildFailed`` where the training finds that out, ``BuildCancelled`` where the lease is gone.
    """
    # Where the last picture was given up, its worker was killed, or what had failed is tried again.
    introduce(workplace.database, claim.build)
    TRAINING()
    # Held before the build is looked up: an erasure that this training does not see waits for its end.
    with held_folder(workplace.storage.scratch, claim.token) as scratch, temporary_files_in(scratch):
        _train_claim(workplace, claim)


def _train_claim(workplace: Workplace, claim: tasks.Claim) -> None:
    report = TrainingReport(workplace.settings.database, claim)
    with uncollected():
        with workplace.database.read() as connection:
            build = build_numbered(connection, claim.build)
            if build is None:
                raise BuildCancelled("The recognizer was deleted.")
            shelf = Shelf(build.tenant, pipeline_version(settings_of_build(build, workplace.settings)))
            files = files_of(connection, build.number)
            pictures = pictures_of(connection, shelf, files)
        alive = partial(report, preparing(build.options.optimize))
        found, outcome = _found(build, files, pictures, alive)
    dry_run = build.options.dry_run
    if isinstance(outcome, TrainingSet) and not dry_run:
        _train(workplace, claim, build, found, outcome)
        return
    message = _size(outcome) if isinstance(outcome, TrainingSet) else str(outcome)
    state = BuildState.EXAMINED if dry_run else BuildState.FAILED
    _commit(workplace, claim, found, tasks.Ended(state, message))


def _found(
    build: Build, files: Sequence[File], pictures: list[Picture], alive: Alive
) -> tuple[Examined, TrainingSet | BuildFailed]:
    """What was found about a build's files, and what a recognizer can be learnt from, or why none can."""
    try:
        found = examined(files, pictures, build.options, alive)
    except BuildFailed as failure:
        return examined(files, pictures), failure
    try:
        _refuse_nothing_new(build, found)
        return found, _training_set(found.named)
    except BuildFailed as failure:
        return found, failure


def _train(workplace: Workplace, claim: tasks.Claim, build: Build, found: Examined, training_set: TrainingSet) -> None:
    settings = settings_of_build(build, workplace.settings)
    path = workplace.storage.begin_bundle(build.recognizer_id, build.version, claim.token)
    options = build.options
    training = TrainingOptions(
        build.name, options.target_fpir, options.seed, build.topology or DEFAULT_TOPOLOGY, options.search_options()
    )
    request = stages.TrainRequest(
        training_set,
        training,
        _provenance(build, pipeline_version(settings), found),
        path,
        settings,
        _kept(workplace, build, found),
    )
    report = TrainingReport(workplace.settings.database, claim)
    begun = time.monotonic()
    result = workplace.executor.submit(stages.train, request, report).result()
    took = Took(Work.TRAINING, time.monotonic() - begun)
    people, faces = len(training_set.labels), len(training_set.people)
    build_log.trained(build.recognizer_id, build.version, people, faces, took.seconds)
    message = _size(training_set)
    if options.optimize and result.manifest["search"] is None:
        message += f"; no topology was searched for: {_why_no_search(people)}"
    try:
        path = split_bundle(path, workplace.storage.networks_called)
        _publish(workplace, path, report)
        # Only with this do readers see the bundle: whoever lost the claim deletes its own, and touches no other.
        ended = tasks.Ended(BuildState.READY, message, path.name, result.manifest, result.sha256)
        _commit(workplace, claim, found, ended, took)
    except BuildCancelled:
        workplace.storage.give_up_bundle(path)
        raise


def _publish(workplace: Workplace, path: Path, report: TrainingReport) -> None:
    """Let every node find a finished bundle; where that cannot be done now, what was trained waits for a while."""
    pulse.own.begin(TRAINING.limit_s)
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            workplace.storage.shared.put_bundle(path)
            return
        except FileNotFoundError as error:
            raise BuildCancelled("The bundle is gone: its recognizer was deleted.") from error
        except OSError as error:
            if not is_machine_fault(error) or time.monotonic() >= until:
                raise
            logger.warning("a trained recognizer waits to be published: {}", words_of(error))
        time.sleep(_PAUSE_S)
        report.again()


def _commit(
    workplace: Workplace, claim: tasks.Claim, found: Examined, ended: tasks.Ended, took: Took | None = None
) -> None:
    with workplace.database.write() as connection:
        if not tasks.finish_training(connection, claim, ended):
            raise BuildCancelled("The lease is gone.")
        record(connection, claim.build, found)
        if took is not None:
            count_duration(connection, took)


def _refuse_nothing_new(build: Build, found: Examined) -> None:
    """Raise ``BuildFailed`` where pictures were added to a recognizer and nothing is learnt from any of them."""
    new = {file.id for file in found.files if file.since == build.version}
    if build.version > 1 and new and not new & found.used:
        raise BuildFailed(
            "No face in the pictures that were added could be used; the list of images says what was wrong with each."
        )


def _kept(workplace: Workplace, build: Build, found: Examined) -> list[Path]:
    """Some pictures of this version, where it keeps them, to prove its one-file form on."""
    used = [file for file in found.files if file.id in found.used][:_PARITY_PICTURES]
    if workplace.storage.is_shared and build.options.keep_images:
        for file in used:
            with suppress(NotFound, ObjectDamaged):
                present_picture(workplace.storage, build.recognizer_id, build.version, file)
    return [workplace.storage.image(build.recognizer_id, build.version, file.position) for file in used]


def _training_set(named: Sequence[NamedFace]) -> TrainingSet:
    return assemble(
        (named_face.person, f"{named_face.picture.content_hash}:{face.index}", face.encoding)
        for named_face in named
        for face in (named_face.picture.features.faces[named_face.face],)
    )


def _size(training_set: TrainingSet) -> str:
    people, faces = len(training_set.labels), len(training_set.people)
    return f"{people} {'person' if people == 1 else 'people'} from {faces} {'face' if faces == 1 else 'faces'}"


def _why_no_search(people: int) -> str:
    if people > MOST_JUDGED:
        return f"of more than {MOST_JUDGED:,} people no network is trained"
    return "that needs a person with two faces"


def _provenance(build: Build, version: str, found: Examined) -> Provenance:
    rejected: dict[Reason, list[str]] = defaultdict(list)
    for file in found.files:
        if file.id in found.reasons:
            rejected[found.reasons[file.id]].append(file.name)
    return Provenance(
        recognizer_id=build.recognizer_id,
        version=build.version,
        pipeline_version=version,
        created_at=datetime.fromtimestamp(build.created_at, UTC).isoformat(timespec="seconds"),
        images_used=len(found.used),
        images_rejected=len(found.reasons),
        rejected=rejected,
        firsts=[file.name for file in found.files if file.first_of_several],
        findings=name_files(found.examination, {file.id: file.name for file in found.files}),
    )
