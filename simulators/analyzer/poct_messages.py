"""The messages of a POCT1-A2 device: hello, status, observations, end of topic, goodbye."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from harness.wire.poct1a import Node, write
from simulators.analyzer.model_poct1a import Analyte, Poct1aSection
from simulators.analyzer.upload import Result, Tested

_NUMBER = re.compile(r"(?P<sign>[<>]=?)? ?(?P<digits>-?\d+(?:\.\d+)?)")


def stamp(time: datetime) -> str:
    """ISO 8601 with the offset, as POCT1-A writes times."""
    return time.isoformat(timespec="seconds")


def message(
    section: Poct1aSection, kind: str, nodes: Sequence[Node], *, control_id: str, time: datetime
) -> bytes:
    """One message as this device writes it, with its own spelling."""
    return write(
        kind,
        nodes,
        control_id=control_id,
        time=stamp(time),
        version=section.version,
        codec=section.codec,
        declaration=section.declaration,
        misspelt=section.misspelt,
    )


def hello(section: Poct1aSection, *, control_id: str, time: datetime) -> bytes:
    """HEL.R01: who the device is and what it can."""
    topics = [Node("DSC.topics_supported_cd", topic) for topic in section.topics]
    directives = [Node("DSC.directives_supported_cd", "SET_TIME")]
    if section.continuous:
        directives.append(Node("DSC.directives_supported_cd", "START_CONTINUOUS"))
    device = [
        Node("DEV.device_id", section.device_id),
        Node("DEV.vendor_id", section.vendor),
        Node("DEV.model_id", section.model),
        Node("DEV.serial_id", section.serial),
        Node("DSC", children=[*topics, *directives]),
    ]
    nodes = [Node("DEV", children=device)]
    return message(section, "HEL.R01", nodes, control_id=control_id, time=time)


def status(section: Poct1aSection, waiting: int, *, control_id: str, time: datetime) -> bytes:
    """DST.R01: how many observations wait; the condition is always ready."""
    nodes = [
        Node("DST.status_dttm", stamp(time)),
        Node("DST.new_observations_qty", str(waiting)),
        Node("DST.condition_cd", "R"),
    ]
    return message(
        section, "DST.R01", [Node("DST", children=nodes)], control_id=control_id, time=time
    )


def end_of_topic(section: Poct1aSection, topic: str, *, control_id: str, time: datetime) -> bytes:
    """EOT.R01: nothing more of this topic."""
    nodes = [Node("EOT", children=[Node("EOT.topic_cd", topic)])]
    return message(section, "EOT.R01", nodes, control_id=control_id, time=time)


def goodbye(section: Poct1aSection, reason: str, *, control_id: str, time: datetime) -> bytes:
    """END.R01: the conversation is over."""
    nodes = [Node("TRM", children=[Node("TRM.reason_cd", reason)])]
    return message(section, "END.R01", nodes, control_id=control_id, time=time)


def keep_alive(section: Poct1aSection, *, control_id: str, time: datetime) -> bytes:
    """KPA.R01: the device is still there."""
    return message(section, "KPA.R01", [], control_id=control_id, time=time)


def uploads(
    section: Poct1aSection, tested: Sequence[Tested], *, first_id: int, time: datetime
) -> list[bytes]:
    """OBS.R01 for each patient specimen, OBS.R02 for each control.

    Args:
        section: the device.
        tested: specimens in the order of the run.
        first_id: control id of the first; it counts up.
        time: of the messages and of every test.
    """
    return [
        _observation(section, one, str(number), time) for number, one in enumerate(tested, first_id)
    ]


def _observation(section: Poct1aSection, one: Tested, control_id: str, time: datetime) -> bytes:
    patient = one.what == "patient"
    results = [_result(section, result) for result in one.results]
    role = section.role_patient if patient else section.role_control
    service = [Node("SVC.role_cd", role), Node("SVC.observation_dttm", stamp(time))]
    if patient:
        person = one.person
        about = [Node("PT.patient_id", person.patient_id if person else one.barcode)]
        if person is not None:
            about += [Node("PT.name", person.name), Node("PT.gender_cd", person.sex)]
        service.append(Node("PT", children=[*about, *results]))
        service.append(Node("SPC", children=[Node("SPC.specimen_id", one.barcode)]))
    else:
        lot = Node("CTC.lot_number", one.barcode)
        service.append(Node("CTC", children=[lot, *results]))
    if section.operator:
        service.append(Node("OPR", children=[Node("OPR.operator_id", section.operator)]))
    if section.lot:
        service.append(Node("RGT", children=[Node("RGT.lot_number", section.lot)]))
    kind = "OBS.R01" if patient else "OBS.R02"
    nodes = [Node("SVC", children=service)]
    return message(section, kind, nodes, control_id=control_id, time=time)


def _result(section: Poct1aSection, result: Result) -> Node:
    analyte = section.analytes.get(result.item) or Analyte(code=result.item)
    names = {"SN": analyte.system, "DN": analyte.name}
    value, qualifier = _written(result.value, analyte)
    children = [
        Node(
            "OBS.observation_id", analyte.code, {key: text for key, text in names.items() if text}
        ),
        Node(qualifier, value, {"U": analyte.unit or result.unit}),
        Node("OBS.method_cd", "M"),
        Node("OBS.status_cd", "A"),
        Node("OBS.interpretation_cd", result.flag),
    ]
    return Node("OBS", children=children)


def _written(text: str, analyte: Analyte) -> tuple[str, str]:
    """The value and the element that holds it: numbers in one, words in the other."""
    found = _NUMBER.fullmatch(text)
    if found is None or found["sign"]:
        return text, "OBS.qualitative_value"
    number = Decimal(found["digits"])
    if analyte.decimals is not None:
        number = number.quantize(Decimal(1).scaleb(-analyte.decimals), ROUND_HALF_UP)
    return f"{number:f}", "OBS.value"
