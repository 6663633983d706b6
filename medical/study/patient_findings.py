"""Findings about whose the cases are: too few patients, several cases of one, the same image under two names."""

from collections.abc import Iterator, Sequence

from medical.study.cases import Study
from medical.study.config import MedicalConfig
from medical.study.duplicates import Duplicate
from medical.study.finding import Finding
from medical.study.values import written

_LEAST_FOLDS = 2


def patient_findings(
    config: MedicalConfig, study: Study, duplicates: Sequence[Duplicate]
) -> Iterator[Finding]:
    """Says what would make the scores of a cross-validation too good, or impossible."""
    yield from _too_few(config, study)
    yield from _unknown(config, study)
    told_apart = {frozenset(names) for names in config.distinct}
    doubtful = [pair for pair in duplicates if pair.exact or pair.names not in told_apart]
    yield from _repeated(doubtful, across=True)
    yield from _suspicious(study)
    yield from _repeated(doubtful, across=False)
    for sentence in study.assumptions:
        yield Finding("note", "assumption", sentence)


def _too_few(config: MedicalConfig, study: Study) -> Iterator[Finding]:
    patients = len(study.patients)
    if len(study.cases) == 1:
        yield Finding(
            "fatal",
            "a single case",
            "There is a single case, and nothing to test on what is learned from it.",
            (study.cases[0].name,),
            "annotate cases of other patients",
        )
    elif patients < _LEAST_FOLDS:
        pattern = f" (the expression {config.patient!r} says so)" if config.patient else ""
        yield Finding(
            "fatal",
            "a single patient",
            f"All {len(study.cases)} cases are of one patient{pattern}: nobody else is there to test on.",
            (),
            "annotate cases of other patients; if these are several, change `patient`",
        )
    elif patients < config.folds:
        yield Finding(
            "fatal",
            "too few patients",
            f"{patients} patients cannot be parted into {config.folds} folds.",
            (),
            f"write `folds: {patients}`, or annotate cases of more patients",
        )


def _unknown(config: MedicalConfig, study: Study) -> Iterator[Finding]:
    known = {case.name for case in study.cases}
    unknown = tuple(name for pair in config.distinct for name in pair if name not in known)
    if unknown:
        what = "`distinct` names cases that are not there."
        yield Finding("fatal", "unknown cases", what, unknown, "write the names as `check` does")


def _suspicious(study: Study) -> Iterator[Finding]:
    if study.suspicion is None:
        return
    groups = study.suspicion.groups
    yield Finding(
        "warning",
        "cases of one patient?",
        f"{sum(map(len, groups.values()))} names look like several cases of {len(groups)} patients, but each case "
        "counts as another: a model would be tested on patients that it has seen.",
        tuple(", ".join(names) for names in groups.values()),
        f"if so, write `patient: {written(study.suspicion.pattern)}`",
    )


def _repeated(duplicates: Sequence[Duplicate], *, across: bool) -> Iterator[Finding]:
    for exact in (True, False):
        pairs = [d for d in duplicates if (d.across_patients, d.exact) == (across, exact)]
        if pairs:
            yield _finding(pairs, across=across, exact=exact)


def _finding(pairs: Sequence[Duplicate], *, across: bool, exact: bool) -> Finding:
    how = "show the same, pixel by pixel," if exact else "show nearly the same"
    number = "Two cases" if len(pairs) == 1 else f"{len(pairs)} pairs of cases"
    differ = sum(pair.first.mask_digest != pair.second.mask_digest for pair in pairs)
    masks = f" The masks of {differ} of {len(pairs)} pairs differ." if exact and differ else ""
    whose = "and count as different patients" if across else "and are of one patient"
    where = tuple(
        f"{pair.first.name}, {pair.second.name} (likeness {pair.likeness:.2f})" for pair in pairs
    )
    if not across:
        return Finding("note", "duplicates", f"{number} {how} {whose}.{masks}", where)
    fix = "take one of each pair out, or give both the same patient (`patient`, or the column of cases.csv)"
    if not exact:
        fix += f"; if they are of two patients, write `distinct: [[{pairs[0].first.name}, {pairs[0].second.name}]]`"
    return Finding(
        "fatal",
        "duplicates across patients",
        f"{number} {how} {whose}: with one in the training, the other is no test.{masks}",
        where,
        fix,
    )
