"""Findings about images: what they are against what the settings say, spacing, channels, sizes, orientation."""

from collections import Counter
from collections.abc import Iterator, Sequence

from medical.study.config import MedicalConfig
from medical.study.facts import CaseFacts
from medical.study.finding import Finding
from medical.study.proposal import AIR, Resolved
from medical.study.typical import in_plane, typical_spacing

_MIXED_SPACING = 1.5
_SLIGHT = 1.05
_VARIED_SIZES = 4.0
_BITS_OF_A_PICTURE = 8
_WHOLE_NUMBERS = ("uint8", "uint16")


def image_findings(
    config: MedicalConfig, facts: Sequence[CaseFacts], resolved: Resolved
) -> Iterator[Finding]:
    """Says what does not fit between the images and the settings, or among the images."""
    yield from _modality(config, facts)
    yield from _units(facts, resolved)
    yield from _numbers(facts, resolved)
    yield from _channels(facts, resolved)
    yield from _kinds(facts)
    yield from _spacing(config, facts)
    yield from _sizes(config, facts)
    yield from _orientation(facts)
    yield from _written_in(facts)


def _modality(config: MedicalConfig, facts: Sequence[CaseFacts]) -> Iterator[Finding]:
    pictures = [case for case in facts if case.kind == "picture"]
    colours = [case for case in pictures if case.colour and not case.grey]
    shallow = [case for case in pictures if case.bits <= _BITS_OF_A_PICTURE]
    if config.modality == "ct" and (colours or shallow):
        what = "in colour" if colours else "of 8 bits"
        yield Finding(
            "fatal",
            "no CT",
            f"The settings say CT, but {len(colours or shallow)} images are pictures {what}, which hold no Hounsfield "
            "units.",
            _names(colours or shallow),
            "write `modality: auto`, or export the scans as NIfTI or DICOM",
        )
    scans = [case for case in facts if case.kind != "picture" and not case.colour]
    if config.modality == "rgb" and scans:
        yield Finding(
            "fatal",
            "no pictures",
            f"The settings say rgb, but {len(scans)} images are scans.",
            _names(scans),
            "write `modality: auto`",
        )


def _units(facts: Sequence[CaseFacts], resolved: Resolved) -> Iterator[Finding]:
    airless = [case for case in facts if case.kind != "picture" and case.values[0] >= AIR]
    if resolved.modality == "ct" and airless:
        yield Finding(
            "warning",
            "no air in CT",
            f"{len(airless)} of {len(facts)} CT scans have no value below {AIR:g}: these may be no Hounsfield units.",
            _names(airless),
            "export them with their rescale slope and intercept; or write `modality: mr` if they are no CT",
        )


def _numbers(facts: Sequence[CaseFacts], resolved: Resolved) -> Iterator[Finding]:
    if resolved.preprocess.intensity.kind != "none":
        return
    pictures = [case for case in facts if case.kind == "picture" or resolved.modality != "rgb"]
    strange = [case for case in pictures if case.number_type not in _WHOLE_NUMBERS]
    if strange:
        yield Finding(
            "fatal",
            "number type",
            f"{len(strange)} images hold {strange[0].number_type} numbers, for which `intensity: none` has no rule.",
            _names(strange),
            "write `intensity: percentile`",
        )


def _channels(facts: Sequence[CaseFacts], resolved: Resolved) -> Iterator[Finding]:
    # Grey pictures among colour pictures are repeated, and colour pictures become grey.
    counts = Counter(3 if case.colour else case.channels for case in facts)
    pictures = all(case.kind == "picture" for case in facts)
    if len(counts) == 1 or (pictures and {*counts} <= {1, 3}):
        return
    most = resolved.preprocess.channels
    others = [case for case in facts if case.channels != most]
    found = ", ".join(f"{count} with {number}" for number, count in sorted(counts.items()))
    yield Finding(
        "fatal",
        "mixed channels",
        f"Images have different numbers of channels: {found}.",
        _names(others),
        "give all images the same channels, in the same order",
    )


def _kinds(facts: Sequence[CaseFacts]) -> Iterator[Finding]:
    kinds = Counter("pictures" if case.kind == "picture" else "scans" for case in facts)
    if len(kinds) > 1:
        found = " and ".join(f"{count} {kind}" for kind, count in kinds.items())
        yield Finding(
            "warning",
            "mixed kinds",
            f"There are {found}, whose intensities and sizes have different units.",
            _names([case for case in facts if case.kind == "picture"]),
            "make two studies of them",
        )


def _spacing(config: MedicalConfig, facts: Sequence[CaseFacts]) -> Iterator[Finding]:
    edges = {case.name: (case.pixel[0] * case.pixel[1]) ** 0.5 for case in facts if case.spacing}
    if not edges or config.spacing is not None:
        return
    low, high, middle = min(edges.values()), max(edges.values()), typical_spacing(facts)
    assert middle is not None
    extremes = [name for name, edge in edges.items() if max(edge / middle, middle / edge) > _SLIGHT]
    told = f"Pixels are from {low:.3g} to {high:.3g} mm wide"
    if high / low > _MIXED_SPACING:
        yield Finding(
            "fatal",
            "mixed spacing",
            f"{told}: the same organ would be {high / low:.1f} times as large in one scan as in another.",
            tuple(f"{name} ({edges[name]:.3g} mm)" for name in extremes),
            f"write `spacing: {middle:g}`, the median, to which all are brought",
        )
    elif extremes:
        yield Finding(
            "note",
            "spacing",
            f"{told}, and each scan keeps its own.",
            fix=f"`spacing: {middle:g}` would bring all to the median",
        )


def _sizes(config: MedicalConfig, facts: Sequence[CaseFacts]) -> Iterator[Finding]:
    edges = {case.name: min(in_plane(case, config.spacing)) for case in facts}
    small, large = min(edges, key=edges.__getitem__), max(edges, key=edges.__getitem__)
    if edges[large] > _VARIED_SIZES * edges[small]:
        yield Finding(
            "warning",
            "varied sizes",
            f"The short edge of images is from {edges[small]:.0f} to {edges[large]:.0f} pixels: what is looked for may "
            "be as different in size.",
            (small, large),
            "if so, scale the images to one resolution first, or leave out overviews or close-ups",
        )


def _orientation(facts: Sequence[CaseFacts]) -> Iterator[Finding]:
    found = Counter(case.orientation for case in facts if case.orientation)
    planes = Counter(case.plane for case in facts if case.plane)
    if len(found) > 1:
        names = ", ".join(f"{name} in {count}" for name, count in found.most_common())
        yield Finding(
            "note",
            "orientation",
            f"Files are stored in several orientations ({names}); all are turned alike.",
        )
    if len(planes) > 1:
        names = " and ".join(f"{count} {plane}" for plane, count in planes.most_common())
        yield Finding(
            "warning",
            "mixed planes",
            f"The finest pixels lie in different planes: {names} scans.",
            _names([case for case in facts if case.plane != planes.most_common(1)[0][0]]),
            f"write `plane: {planes.most_common(1)[0][0]}` for one of them, or make a study of each",
        )


def _written_in(facts: Sequence[CaseFacts]) -> Iterator[Finding]:
    written = [case for case in facts if case.text_in_pixels]
    if written:
        yield Finding(
            "warning",
            "text in pixels",
            f"The headers of {len(written)} scans say that text is written into their pixels: it may name a patient, "
            "and a network may learn to read it.",
            _names(written),
            "cut the text off before anybody else sees pictures of these scans",
        )


def _names(facts: Sequence[CaseFacts]) -> tuple[str, ...]:
    return tuple(case.name for case in facts)
