"""What a LIS has to be told to read an analyzer: the driver configuration that fits a model.

The staff of a laboratory types this from the maker's manual when an instrument comes. Here it is
taken from the model, for scenarios and for a built-in hospital in the foreground; what the LIS
makes of it is the LIS's own code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from simulators.analyzer.astm_template import Component, FieldTemplate, Hole
from simulators.analyzer.channels import Measured, channels, item_map, sender
from simulators.analyzer.model import AnalyzerModel
from simulators.analyzer.model_astm import Fields

NO_SENDER: Final = ""
"""An instrument that does not say who it is cannot be configured by name."""


def settings(
    model: AnalyzerModel, measured: Sequence[Measured], catalogue: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The arguments of ``configure_analyzer``.

    Args:
        model: the instrument.
        measured: the tests that are to be mapped.
        catalogue: units and decimals by item.
    """
    found: dict[str, Any] = {"sender": sender(model), "items": item_map(measured, catalogue)}
    if model.family == "astm":
        units = [model.values.units.get(row["unit"], row["unit"]) for row in found["items"]]
        found |= _places(model, measured, units)
        for row in found["items"]:
            row["channel"] = _written_code(model, row["channel"])
            item = catalogue.get(row["item"], {})
            if model.values.width and item.get("low"):
                row["decimals"] = str(item["decimals"])  # a number without its padding
    if model.family == "hl7" and model.hl7.raw_signal:
        found["value_place"] = "5.2"
    return found


def tests_of(model: AnalyzerModel, items: Sequence[str]) -> list[Measured]:
    """The instrument's tests for these items; ASTM models send an unmapped item by our name."""
    if model.family != "astm":
        return [one for one in channels(model) if one.item in items]
    codes = model.values.channels
    return [Measured(item=item, code=codes.get(item, item)) for item in items]


def port(model: AnalyzerModel) -> dict[str, Any]:
    """The arguments of ``configure_port`` for an instrument with a framing of its own."""
    section = model.framed
    return {"driver": model.name, "setup": dict(section.lis_setup), "encoding": section.encoding}


def _places(
    model: AnalyzerModel, measured: Sequence[Measured], units: Sequence[str]
) -> dict[str, str]:
    """Where ids, codes and values stand, and which of several R records is the result."""
    lines = model.records.results
    main = next((line for line in lines if line.role == "main"), lines[0])
    found = {
        "id_place": _place(model.records.order, "barcode"),
        "id_strip": "blank",
        "code_place": _place(main.fields, "code"),
        "value_place": _place(main.fields, "value") or _place(main.fields, "value_1") or "4",
        "decimal_comma": "yes" if model.values.decimal_mark == "," else "",
        "no_value": model.values.missing,
    }
    if not found["id_place"]:
        found["id_place"] = f"P.{_place(model.records.patient, 'barcode')}"
    others = [line.fields for line in lines if line is not main]
    values = [model.constants | {"item": one.item} for one in measured]
    return found | (
        _aspect(main.fields, others, values) or _unit_aspect(main.fields, others, units)
    )


def _aspect(
    main: Fields, others: Sequence[Fields], values: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """The component of R.3 in which all further lines of a test differ from the result."""
    kept = _components(main.get(3))
    for at in range(len(kept)):
        told = [_at(_components(fields.get(3)), at) for fields in others]
        if told and all(one and one != kept[at] for one in told):
            texts = {_text(kept[at], one) for one in values}
            return {"aspect_place": str(at + 1), "aspect_keep": ",".join(sorted(texts))}
    return {}


def _unit_aspect(main: Fields, others: Sequence[Fields], units: Sequence[str]) -> dict[str, str]:
    """Makers that name a ratio like the result tell them apart by the unit alone."""
    if any(fields.get(5) == main.get(5) for fields in others) or not others:
        return {}
    return {"aspect_place": "5.1", "aspect_keep": ",".join(sorted(set(units)))}


def _components(template: FieldTemplate | None) -> Sequence[Component]:
    return () if template is None else template.repeats[0]


def _at(components: Sequence[Component], at: int) -> Component:
    return components[at] if at < len(components) else ()


def _place(fields: Fields, hole: str) -> str:
    """``field.component`` of a hole; empty where no field has it."""
    for number, template in fields.items():
        for at, component in enumerate(template.repeats[0], 1):
            if any(isinstance(part, Hole) and part.name == hole for part in component):
                alone = len(template.repeats[0]) == 1
                return f"{number}" if alone and hole == "value" else f"{number}.{at}"
    return ""


def _written_code(model: AnalyzerModel, code: str) -> str:
    """A code with what the instrument writes around it, such as a dilution."""
    lines = model.records.results
    main = next((line for line in lines if line.role == "main"), lines[0])
    for component in _components(main.fields.get(3)):
        if any(isinstance(part, Hole) and part.name == "code" for part in component):
            return _text(component, model.constants | {"code": code})
    return code


def _text(component: Component, values: Mapping[str, str]) -> str:
    return "".join(one if isinstance(one, str) else one.text(values) for one in component)
