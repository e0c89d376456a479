"""Errors that a user can mend. Each says what is wrong and which command helps."""


class EIBenchError(Exception):
    """What is wrong, in one line, and the command (or step) that mends it.

    Args:
        what: what is wrong, without a final period.
        mend: what the user can do about it; a command where there is one.
    """

    def __init__(self, what: str, mend: str = "") -> None:
        self.what = what
        self.mend = mend
        super().__init__(f"{what}. {mend}" if mend else what)


class NotPreparedError(EIBenchError):
    """The data set was never prepared, or what was prepared can no longer be read."""


class AnnotationError(EIBenchError):
    """An annotation or protocol file is not the published one."""


class ImagesError(EIBenchError):
    """Images are missing or cannot be decoded."""


class JudgeError(EIBenchError):
    """The judge that was asked for is unknown, not configured or cannot be loaded."""


class RunStopped(SystemExit):
    """Ends a run of an evaluation harness with our message and exit code 1.

    The harnesses catch ``Exception``, retry, and then exit with code 0; ``SystemExit`` passes through them.
    """

    def __init__(self, error: EIBenchError) -> None:
        super().__init__(f"eibench: {error}")
