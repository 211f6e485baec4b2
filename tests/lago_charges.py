"""Charges as Lago's clients write them: strategies of all there can be."""

from typing import Any

from hypothesis import strategies as st

MODELS = ("standard", "package", "percentage", "graduated", "volume")


def amounts(greatest: int = 10**6) -> st.SearchStrategy[str]:
    """Decimal strings as they read back: no zeros at the end."""
    return st.builds(
        _text, st.integers(0, greatest), st.integers(0, 10**6), st.integers(0, 6)
    )


def _text(whole: int, fraction: int, places: int) -> str:
    digits = f"{fraction % 10**places:0{places}}".rstrip("0") if places else ""
    return f"{whole}.{digits}" if digits else str(whole)


@st.composite
def ranges(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Ranges that touch or count whole units, the last one open."""
    tops = sorted(draw(st.sets(st.integers(1, 1000), max_size=4)))
    touching = draw(st.booleans())
    starts = [0, *(top if touching else top + 1 for top in tops)]
    return [
        {
            "from_value": start,
            "to_value": top,
            "per_unit_amount": draw(amounts(100)),
            "flat_amount": draw(amounts(100)),
        }
        for start, top in zip(starts, [*tops, None], strict=True)
    ]


def properties(model: str) -> st.SearchStrategy[dict[str, Any]]:
    """Properties of a charge of that model."""
    if model == "standard":
        return st.fixed_dictionaries({"amount": amounts()})
    if model == "package":
        return st.fixed_dictionaries(
            {
                "amount": amounts(),
                "free_units": st.integers(0, 1000),
                "package_size": st.integers(1, 10_000),
            }
        )
    if model == "percentage":
        return st.fixed_dictionaries(
            {
                "rate": amounts(99),
                "fixed_amount": st.none() | amounts(10).filter(lambda x: x != "0"),
                "free_units_per_events": st.none() | st.integers(1, 20),
                "free_units_per_total_aggregation": st.none()
                | amounts(100).filter(lambda x: x != "0"),
            }
        )
    return st.fixed_dictionaries({f"{model}_ranges": ranges()})


def as_read(properties: dict[str, Any]) -> dict[str, Any]:
    """The same with ranges as they are shown: counting whole units."""
    shown = dict(properties)
    for name in ("graduated_ranges", "volume_ranges"):
        if name in shown:
            before = [None, *(each["to_value"] for each in shown[name])]
            shown[name] = [
                {**each, "from_value": 0 if top is None else top + 1}
                for each, top in zip(shown[name], before, strict=False)
            ]
    return shown
