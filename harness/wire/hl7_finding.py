"""What the HL7 codec has to say about a message: one table of codes and texts.

The texts carry no values, so that whoever shows them can translate them; place, offset, expected
and actual value stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FINDINGS_PER_CODE_MAX: Final = 100
"""A code is reported so often at most: what is wrong throughout needs no longer list."""

TEXTS: Final = {
    # layout (HL7 2.5.1 §2.5, §2.6)
    "hl7.no-header": "The message does not begin with a header segment (MSH, FHS or BHS)",
    "hl7.header-not-first": "Something stands before the header segment",
    "hl7.several-headers": "Several MSH segments in one message without a batch header",
    "hl7.byte-order-mark": "A byte order mark stands before the header",
    "hl7.delimiters-missing": "The header segment names no usable delimiters",
    "hl7.delimiters-short": "The header segment names fewer than four encoding characters",
    "hl7.delimiters-long": "The header segment names more than five encoding characters",
    "hl7.delimiters-duplicated": "The same character serves as two delimiters",
    "hl7.segment-end-lf": "A segment ends with LF in place of CR",
    "hl7.segment-end-crlf": "A segment ends with CR LF in place of CR",
    "hl7.line-feed-in-data": "An unescaped LF inside a field",
    "hl7.empty-segment": "An empty segment",
    "hl7.segment-name": "A segment does not begin with a segment name",
    "hl7.last-segment-unterminated": "The last segment is not terminated by CR",
    "hl7.control-character": "A control character inside the message",
    # escapes (HL7 2.5.1 §2.7)
    "hl7.lone-escape": "An escape character that begins no escape sequence",
    "hl7.escape-malformed": "A hexadecimal escape that does not hold whole, decodable bytes",
    # character sets (HL7 2.5.1 §2.15.9.18, table 0211)
    "hl7.encoding-unknown": "MSH-18 names a character set that is not known",
    "hl7.encoding-undeclared": "MSH-18 is empty although the message is not plain ASCII",
    "hl7.encoding-declared-differs": "The message is not written in the character set of MSH-18",
    "hl7.encoding-undecodable": "The message cannot be decoded in any known character set",
    # acknowledgement (HL7 2.5.1 §2.9, §2.15.8)
    "hl7.ack-no-header": "The answer has no MSH segment",
    "hl7.ack-no-msa": "The answer has no MSA segment",
    "hl7.ack-several-msa": "The answer has several MSA segments",
    "hl7.ack-code": "The acknowledgement code is not in table 0008",
    "hl7.ack-mode": "The acknowledgement code does not fit the mode of MSH-15 and MSH-16",
    "hl7.ack-control-id-differs": "MSA-2 is not the control id of the message, byte for byte",
    "hl7.ack-header-not-swapped": "Sender and receiver of the answer are not the swapped ones",
    "hl7.ack-type": "MSH-9 of the answer is not an acknowledgement of this message",
    "hl7.ack-version-differs": "MSH-12 of the answer is not the version of the message",
    "hl7.ack-processing-id-differs": "MSH-11 of the answer is not the processing id of the message",
    "hl7.ack-own-control-id": "The answer has no control id of its own",
    "hl7.ack-time": "MSH-7 of the answer is empty",
    "hl7.ack-error-missing": "A negative answer of version 2.5 or later has no ERR segment",
    # dictionary (the tables of the standard)
    "hl7.version-unsupported": "There is no dictionary for this version; nothing was validated",
    "hl7.structure-unknown": "No structure is known for this type; its order was not validated",
    "hl7.structure-segment": "A segment that does not belong at this place of the structure",
    "hl7.structure-missing": "A required segment or group is missing",
    "hl7.structure-repeated": "A segment or group occurs more often than allowed",
    "hl7.structure-differs": "MSH-9.3 is not the structure that belongs to the event",
    "hl7.segment-unknown": "A segment that the version does not know",
    "hl7.field-missing": "A required field is empty",
    "hl7.field-repeated": "A field has more repetitions than allowed",
    "hl7.field-unknown": "A field that its segment does not have in this version",
    "hl7.component-missing": "A required component is empty",
    "hl7.component-unknown": "A component that its data type does not have",
    "hl7.table": "A value that is not in its HL7 table",
    "hl7.user-table": "A value that the standard does not suggest for its user-defined table",
    "hl7.data-type": "A value that is not of its data type",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecFinding:
    """One thing that is not as the standard has it.

    Attributes:
        code: stable id such as ``hl7.lone-escape``.
        message: what it means, in English; a key of the catalogue.
        offset: byte offset in the message, or -1.
        path: HL7 path such as ``OBX[2]-5``, or empty.
        expected: what should stand there, or empty.
        actual: what stands there, or empty.
    """

    code: str
    message: str
    offset: int = -1
    path: str = ""
    expected: str = ""
    actual: str = ""


def finding(
    code: str, offset: int = -1, *, path: str = "", expected: str = "", actual: str = ""
) -> CodecFinding:
    """A finding with the text of its code."""
    return CodecFinding(
        code=code, message=TEXTS[code], offset=offset, path=path, expected=expected, actual=actual
    )
