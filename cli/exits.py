"""Every exit code of the command line, in one table: what scripts and CI may build on."""

from enum import IntEnum


class Exit(IntEnum):
    """An exit code; `meaning` is the sentence that the reference prints."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        """A member that carries its sentence."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = (
        0,
        (
            "Done. A pipeline that was followed or reported completed, each of its cells says "
            "how it ended, and at least one was measured"
        ),
    )
    BUG = 1, "A fault of Assay itself; it prints a traceback"
    USAGE = 2, "Wrong input: arguments, spec, settings, the name of a pipeline or an app"
    UNAVAILABLE = (
        3,
        (
            "What Assay needs is missing or does not answer: a server, a worker, the local "
            "stack, the store, the disk"
        ),
    )
    CANCELLED = 4, "The pipeline was cancelled"
    FAILED = (
        5,
        (
            "The pipeline gave up or was terminated, or its report is missing or holds cells "
            "without a state"
        ),
    )
    NOTHING_MEASURED = 6, "The pipeline completed, and not one of its cells was measured"
    INCOMPLETE = (
        7,
        (
            "With --strict: the pipeline completed, and cells are infra_failed (but for those "
            "whose advisory source gave no answer)"
        ),
    )
    HIGH = (
        8,
        (
            "With --fail-on high: the pipeline completed, and a high or critical weakness is "
            "there. Those that are suppressed, come with the scaffold, or are the guess of a "
            "single tool do not count"
        ),
    )
    NEW_HIGH = (
        9,
        (
            "With --fail-on new-high: the pipeline completed, and such a weakness is not known "
            "from the baseline: it is new, or nobody can tell because the baseline was not looked "
            "at in full. It comes before 8"
        ),
    )
    NOT_MEASURED = (
        10,
        (
            "With --fail-on not-measured: the pipeline completed, and cells are infra_failed, "
            "those whose advisory source gave no answer among them. 8 and 9 come before it"
        ),
    )
    LOST = (
        11,
        (
            "rebuild: rows or results could not be made again; import: the archive lacks results. "
            "The output names each"
        ),
    )
    DIFFERS = (
        12,
        (
            "verify: something in the report does not follow from the results in its archive; "
            "rerun: a cell did not come out the same"
        ),
    )
    REGRESSED = (
        13,
        (
            "regressions --fail-on worse: a figure of an app is worse since one of the last "
            "pipelines. Too few measurements are no regression; the output counts them"
        ),
    )
    UNVERIFIED = (
        14,
        "verify-deployment: a check of the installation failed; the output names it and what to do",
    )
    INTERRUPTED = (
        130,
        (
            "Ctrl-C, SIGTERM or a closed terminal ended the command, which first stopped what it "
            "had started"
        ),
    )
    READER_GONE = 141, "Whoever read the output went away (`| head`)"
