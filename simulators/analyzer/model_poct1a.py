"""What a POCT1-A2 device is, as data: the ``[poct1a]`` table of a model file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt


class Analyte(BaseModel):
    """One observation of the device.

    Attributes:
        code: OBS.observation_id.
        name: its display name.
        system: its coding system, such as ``LN``.
        unit: unit that replaces the one of the result.
        decimals: decimals that the device writes; None keeps the text of the result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str = ""
    system: str = ""
    unit: str = ""
    decimals: NonNegativeInt | None = Field(default=None, le=9)


class Poct1aSection(BaseModel):
    """The ``[poct1a]`` table.

    Attributes:
        side: who opens the connection.
        vendor: DEV.vendor_id.
        model: DEV.model_id.
        serial: DEV.serial_id.
        device_id: DEV.device_id, often the network address of the device.
        version: HDR.version_id.
        codec: of the XML.
        declaration: whether each message begins with an XML declaration.
        topics: topics that the device supports.
        continuous: whether it can keep the connection and send each result when it is there.
        answer_s: how long it waits for each acknowledgement.
        keep_alive_s: pause between keep-alive messages in continuous mode; 0 sends none.
        repeats: further sends of one message after silence or AE.
        role_patient: SVC.role_cd of patient results.
        role_control: SVC.role_cd of control results.
        misspelt: element name to the name that the device writes instead.
        analytes: item of the LIS to the observation.
        operator: OPR.operator_id; empty leaves it out.
        lot: reagent lot; empty leaves it out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: Literal["client", "server"] = "client"
    vendor: str
    model: str
    serial: str = "SN0001"
    device_id: str = "DEV0001"
    version: str = "POCT1"
    codec: str = "utf-8"
    declaration: bool = False
    topics: tuple[str, ...] = ("D_EV", "DTV", "OP_LST", "PT_LST")
    continuous: bool = True
    answer_s: NonNegativeFloat = Field(default=30.0, le=600)
    keep_alive_s: NonNegativeFloat = Field(default=0.0, le=3600)
    repeats: NonNegativeInt = Field(default=2, le=20)
    role_patient: str = "OBS"
    role_control: str = "LQC"
    misspelt: dict[str, str] = Field(default_factory=dict)
    analytes: dict[str, Analyte] = Field(default_factory=dict)
    operator: str = ""
    lot: str = ""
