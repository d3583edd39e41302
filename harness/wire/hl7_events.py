"""Which message structure belongs to which event (HL7 2.5.1 table 0354, appendix A).

hl7apy has the structures and no such map. Only events are listed whose structure does not bear
their own name; ``ADT^A02`` is ``ADT_A02`` without being told.
"""

from __future__ import annotations

from typing import Final

_SHARED: Final = {
    "ADT_A01": ("ADT", "A04 A08 A13"),
    "ADT_A05": ("ADT", "A14 A28 A31"),
    "ADT_A06": ("ADT", "A07"),
    "ADT_A09": ("ADT", "A10 A11"),
    "ADT_A21": ("ADT", "A22 A23 A25 A26 A27 A29 A32 A33"),
    "ADT_A30": ("ADT", "A34 A35 A36 A46 A47 A48 A49"),
    "ADT_A39": ("ADT", "A40 A41 A42"),
    "ADT_A43": ("ADT", "A44"),
    "ADT_A50": ("ADT", "A51"),
    "ADT_A52": ("ADT", "A53"),
    "ADT_A54": ("ADT", "A55"),
    "ADT_A61": ("ADT", "A62"),
    "MDM_T01": ("MDM", "T03 T05 T07 T09 T11"),
    "MDM_T02": ("MDM", "T04 T06 T08 T10"),
    "ORU_R30": ("ORU", "R31 R32"),
    "SIU_S12": ("SIU", "S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26"),
    "SRM_S01": ("SRM", "S02 S03 S04 S05 S06 S07 S08 S09 S10 S11"),
    "SRR_S01": ("SRR", "S02 S03 S04 S05 S06 S07 S08 S09 S10 S11"),
    "PMU_B01": ("PMU", "B02"),
    "PMU_B04": ("PMU", "B05 B06"),
    "QBP_Q11": ("QBP", "Q31"),
    "QBP_Q21": ("QBP", "Q22 Q23 Q24 Q25"),
    "RSP_K23": ("RSP", "K24"),
    "CRM_C01": ("CRM", "C02 C03 C04 C05 C06 C07 C08"),
    "CSU_C09": ("CSU", "C10 C11 C12"),
    "PEX_P07": ("PEX", "P08"),
    "PPR_PC1": ("PPR", "PC2 PC3"),
    "PGL_PC6": ("PGL", "PC7 PC8"),
    "PPP_PCB": ("PPP", "PCC PCD"),
    "REF_I12": ("REF", "I13 I14 I15"),
    "RPA_I08": ("RPA", "I09 I10 I11"),
    "RQA_I08": ("RQA", "I09 I10 I11"),
    "VXU_V04": ("VXU", "V04"),
}

STRUCTURES: Final = {
    (kind, trigger): structure
    for structure, (kind, triggers) in _SHARED.items()
    for trigger in triggers.split()
}
"""(MSH-9.1, MSH-9.2) to the structure that MSH-9.3 names."""


def structure_of(kind: str, trigger: str) -> str:
    """The structure of an event, as the standard names it.

    >>> structure_of("ADT", "A08")
    'ADT_A01'
    """
    if kind == "ACK" or not trigger:
        return kind
    return STRUCTURES.get((kind, trigger), f"{kind}_{trigger}")
