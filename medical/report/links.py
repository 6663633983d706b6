"""Names of places on the page of the report, by which cases are found from charts and tables."""

from collections.abc import Collection


def card_of(alias: str) -> str:
    """The pictures of a case."""
    return f"pictures-{alias}"


def suspect_of(alias: str) -> str:
    """The pictures of a case whose mask may be wrong."""
    return f"suspect-{alias}"


def link_of(alias: str) -> str:
    """The first row of a case in the table of all cases."""
    return f"case-{alias}"


def row_names(aliases: Collection[str]) -> list[str]:
    """A name for each row of a table of cases, which may have several rows each.

    Args:
        aliases: Of the rows.
    """
    seen: dict[str, int] = {}
    names = []
    for alias in aliases:
        seen[alias] = seen.get(alias, 0) + 1
        names.append(link_of(alias) + (f"-{seen[alias]}" if seen[alias] > 1 else ""))
    return names
