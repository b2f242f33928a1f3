"""The one tree of exceptions.

Every message is a sentence that tells the person what to do. HTTP statuses are
given to these in ``app/errors.py`` and nowhere else.
"""


class FacialError(Exception):
    """Anything this project refuses or fails at; ``str(error)`` is meant for the person."""

    #: Stable, machine-readable name of the problem.
    code = "error"


class InvalidSettings(FacialError):
    """An environment variable that starts with ``FACIAL_`` has no usable value."""

    code = "invalid_settings"


class OtherRelease(FacialError):
    """The data folder is of a release that this one cannot go on with."""

    code = "other_release"


class InvalidRequest(FacialError):
    """The request itself is malformed: a missing part, an option that is not one."""

    code = "invalid_request"


class UnsupportedMedia(InvalidRequest):
    """The request's body, or an archive in it, is of a kind that is not taken."""

    code = "unsupported_media"


class RequestTooLarge(InvalidRequest):
    """More bytes, files or pixels than the settings allow."""

    code = "too_large"


class KeyReused(InvalidRequest):
    """A request names the key of another one, which asked for something else."""

    code = "key_reused"


class AlreadyAccepted(FacialError):
    """The request was accepted before, under its key; ``version`` of ``recognizer_id`` came of it."""

    code = "already_accepted"

    def __init__(self, recognizer_id: str, version: int) -> None:
        super().__init__("This request was accepted before.")
        self.recognizer_id = recognizer_id
        self.version = version


class NothingUsable(InvalidRequest):
    """No picture, or too few people, of all that was sent can be used.

    ``rejected`` lists ``{"file", "reason", "message"}`` for every file that was refused.
    """

    code = "nothing_usable"

    def __init__(self, message: str, rejected: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.rejected = rejected or []


class Unauthorized(FacialError):
    """A key is needed, and none was ``given``, or one that opens nothing."""

    code = "unauthorized"

    def __init__(self, message: str, given: bool) -> None:
        super().__init__(message)
        self.given = given


class Forbidden(FacialError):
    """Whoever asks may not ask this: a page of somebody else, an unknown host, a key without the scope."""

    code = "forbidden"


class NotFound(FacialError):
    """No recognizer, version or format of that name."""

    code = "not_found"


class Erased(FacialError):
    """The recognizer, or a version of it, existed and was deleted: when, and since when nothing of it is left.

    Both are seconds since 1970; ``done_at`` is None while something may still be on the disk.
    """

    code = "erased"

    def __init__(self, message: str, requested_at: float | None = None, done_at: float | None = None) -> None:
        super().__init__(message)
        self.requested_at = requested_at
        self.done_at = done_at


class Elsewhere(FacialError):
    """Another node has the recognizer's files, and this one does not reach them."""

    code = "elsewhere"


class NotReady(FacialError):
    """The recognizer is still being built, or its build failed; ``retry_after_s`` says when to ask again, if ever."""

    code = "not_ready"

    def __init__(self, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Conflict(FacialError):
    """What is asked for does not fit what the recognizer is, or is done with it; ``retry_after_s``: when it will."""

    code = "conflict"

    def __init__(self, message: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(FacialError):
    """The service has more work than it takes on; ``retry_after_s`` says when to try again."""

    code = "overloaded"

    def __init__(self, message: str, retry_after_s: int = 10) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QuotaExceeded(FacialError):
    """Whoever asks may not ask for more at the moment; ``retry_after_s`` says when that ends."""

    code = "quota_exceeded"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class MachineFault(FacialError):
    """The machine does not let the work go on: no room, no memory, a locked database."""

    code = "machine_fault"


class ImageRejected(FacialError):
    """One picture cannot be used; ``reason`` is a member of ``constants.reasons.Reason``."""

    code = "image_rejected"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class WeightsError(FacialError):
    """A network's weights are missing, or are not the published ones."""

    code = "weights"


class BuildFailed(FacialError):
    """A build cannot give a recognizer, however often it is tried."""

    code = "build_failed"


class BuildCancelled(FacialError):
    """The build's lease is gone: it was cancelled, erased, or taken over."""

    code = "build_cancelled"


class WorkerStopping(FacialError):
    """The process that works on a build is to stop; the build goes on in another."""

    code = "stopping"


class StageLost(FacialError):
    """What was to run a stage is gone, or cannot be given it; whose stage it was goes on elsewhere."""

    code = "stage_lost"


class BundleInvalid(FacialError):
    """A recognizer's file is damaged, foreign, or of a version that cannot be read."""

    code = "bundle_invalid"


class ObjectDamaged(FacialError):
    """A file, or one that all nodes share, is not what was put there."""

    code = "object_damaged"


class BackupInvalid(FacialError):
    """A backup is damaged, foreign or of a version that cannot be read, or what it is to be made of is damaged."""

    code = "backup_invalid"
