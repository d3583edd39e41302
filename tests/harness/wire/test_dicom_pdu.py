"""PDUs against the bytes of the standard and against pynetdicom's own reading of them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import build_context
from pynetdicom import pdu as theirs
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)

from harness.wire import dicom_command as command
from harness.wire import dicom_items as items
from harness.wire.dicom_pdu import (
    Abort,
    Associate,
    Data,
    PduError,
    Pdv,
    Reject,
    Release,
    decode_pdu,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
REQUEST = Associate(
    called=b"PACS",
    calling=b"CT1",
    items=items.Items(
        contexts=(
            items.Context(id=1, abstract_syntax=CT, transfer_syntaxes=(IMPLICIT, EXPLICIT)),
            items.Context(id=255, abstract_syntax="1.2.840.10008.1.1", transfer_syntaxes=("1.2",)),
        ),
        user=items.UserInformation(
            max_length=16384,
            class_uid="1.2.3",
            version="MEDHARNESS",
            window=(0, 1),
            roles=(items.Role(sop_class=CT, scu=True, scp=True),),
            extended=((CT, b"\1\0"),),
        ),
    ),
)

# PS3.8 §9.3.7, §9.3.8, §9.3.4, §9.3.5 written out by hand.
RELEASE = bytes.fromhex("05 00 00000004 00000000")
ABORT = bytes.fromhex("07 00 00000004 0000 02 06")
REJECT = bytes.fromhex("03 00 00000004 00 01 01 07")
DATA = bytes.fromhex("04 00 00000009 00000005 01 03 C0FFEE")


def whole(data: bytes):
    return decode_pdu(data[0], data[6:])


@pytest.mark.parametrize(
    ("data", "pdu"),
    [
        (RELEASE, Release()),
        (ABORT, Abort(source=2, reason=6)),
        (REJECT, Reject(result=1, source=1, reason=7)),
        (DATA, Data(values=(Pdv(context=1, command=True, last=True, data=b"\xc0\xff\xee"),))),
    ],
)
def test_small_pdus_as_the_standard_writes_them(data, pdu):
    assert pdu.encode() == data
    assert whole(data) == pdu


def test_they_read_our_request_as_we_mean_it():
    seen = theirs.A_ASSOCIATE_RQ()
    seen.decode(REQUEST.encode())

    assert (seen.called_ae_title.strip(), seen.calling_ae_title.strip()) == ("PACS", "CT1")
    proposed = {
        each.context_id: (each.abstract_syntax, list(each.transfer_syntax))
        for each in seen.presentation_context
    }
    assert proposed == {1: (CT, [IMPLICIT, EXPLICIT]), 255: ("1.2.840.10008.1.1", ["1.2"])}
    assert seen.user_information.maximum_length == 16384
    assert seen.user_information.implementation_class_uid == "1.2.3"
    assert seen.user_information.role_selection[CT].scp_role
    assert seen.user_information.async_ops_window.maximum_number_operations_performed == 1
    assert seen.encode() == REQUEST.encode()


def test_we_read_their_request_as_they_mean_it():
    primitive = A_ASSOCIATE()
    primitive.application_context_name = items.APPLICATION_CONTEXT
    primitive.called_ae_title, primitive.calling_ae_title = "ORTHANC", "MR"
    context = build_context(CT, [EXPLICIT, IMPLICIT])
    context.context_id = 3
    primitive.presentation_context_definition_list = [context]
    longest, uid = MaximumLengthNotification(), ImplementationClassUIDNotification()
    longest.maximum_length_received, uid.implementation_class_uid = 4096, "1.2.9"
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, False, True
    primitive.user_information = [longest, uid, role]
    pdu = theirs.A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)

    ours = whole(pdu.encode())

    assert isinstance(ours, Associate)
    assert (ours.called, ours.calling, ours.accepted) == (b"ORTHANC", b"MR", False)
    assert ours.items.application_context == items.APPLICATION_CONTEXT
    assert ours.items.contexts == [
        items.Context(id=3, abstract_syntax=CT, transfer_syntaxes=(EXPLICIT, IMPLICIT))
    ]
    assert ours.items.user.max_length == 4096
    assert ours.items.user.roles == (items.Role(sop_class=CT, scu=False, scp=True),)
    assert ours.encode() == pdu.encode()


def test_an_acceptance_both_ways():
    answer = Associate(
        accepted=True,
        called=b"PACS",
        calling=b"CT1",
        items=items.Items(
            contexts=(
                items.Context(id=1, result=0, transfer_syntaxes=(EXPLICIT,)),
                items.Context(id=3, result=3, transfer_syntaxes=(IMPLICIT,)),
            )
        ),
    )
    seen = theirs.A_ASSOCIATE_AC()
    seen.decode(answer.encode())

    results = {each.context_id: each.result for each in seen.presentation_context}
    assert results == {1: 0, 3: 3}
    again = whole(answer.encode())
    assert again.items.contexts == list(answer.items.contexts)
    assert again.accepted


def test_items_that_nobody_knows_are_kept():
    odd = Associate(items=items.Items(others=((0x7F, b"xyz"),),
                                      user=items.UserInformation(others=((0x58, b"\2\0"),))))  # fmt: skip

    again = whole(odd.encode())

    assert again.items.others == [(0x7F, b"xyz")]
    assert again.items.user.others == ((0x58, b"\2\0"),)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"\x01\0\0\0\0\x02\0\1", 6),  # inside the fixed fields
        (REQUEST.encode()[:-3], 6 + 68),
        (b"\x03\0\0\0\0\2\0\0", 6),
        (b"\x04\0\0\0\0\3\0\0\0", 6),
        (b"\x04\0\0\0\0\6\0\0\0\x09\1\3", 6),
        (b"\x04\0\0\0\0\6\0\0\0\1\1\3", 6),
        (b"\x09\0\0\0\0\0", 0),
    ],
)
def test_what_cannot_be_read_says_where(data, where):
    with pytest.raises(PduError) as caught:
        whole(data)

    assert caught.value.offset >= where
    assert caught.value.clause.startswith("PS3.8")


@given(kind=st.integers(0, 9), body=st.binary(max_size=300))
def test_any_body_is_read_or_refused(kind, body):
    try:
        pdu = decode_pdu(kind, body)
    except PduError:
        return
    if isinstance(pdu, Data):
        assert decode_pdu(kind, pdu.encode()[6:]) == pdu


@given(st.binary(min_size=1, max_size=4), st.integers(0, 400))
def test_a_damaged_request_never_ends_in_another_error(junk, at):
    data = bytearray(REQUEST.encode())
    data[6 + at : 6 + at + len(junk)] = junk
    with contextlib.suppress(PduError):
        whole(bytes(data))


# ---- command sets

STORE = {
    command.AFFECTED_CLASS: CT,
    command.FIELD: command.Service.C_STORE,
    command.MESSAGE_ID: 7,
    command.PRIORITY: 2,
    command.DATA_SET_TYPE: 1,
    command.AFFECTED_INSTANCE: "1.2.3.4",
}


def test_a_command_set_as_they_write_it():
    primitive = C_STORE()
    primitive.MessageID, primitive.AffectedSOPClassUID = 7, CT
    primitive.AffectedSOPInstanceUID, primitive.Priority = "1.2.3.4", 2
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    message.command_set.CommandDataSetType = 1
    parts = list(message.encode_msg(1, 0))
    data = parts[0].presentation_data_value_list[0][1][1:]

    ours = command.decode(data)

    length = ours.pop(command.GROUP_LENGTH)
    assert ours == STORE
    assert length == len(data) - 12
    assert command.encode(STORE) == data


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\1\2\0\0\0\1",  # cut off
        b"\x08\0\0\1\2\0\0\0\1\0",  # group 0008
        b"\0\0\0\1\3\0\0\0\1\0\0",  # US of three bytes
        b"\0\0\x10\1\2\0\0\0\1\0\0\0\0\1\2\0\0\0\1\0",  # out of order
        b"\0\0\0",
    ],
)
def test_a_command_set_that_cannot_be_read(data):
    with pytest.raises(command.CommandError):
        command.decode(data)


@given(
    st.dictionaries(
        st.sampled_from([command.FIELD, command.STATUS, command.MESSAGE_ID]), st.integers(0, 65535)
    )
)
def test_command_sets_survive_writing(elements):
    assert command.decode(command.encode(elements, group_length=False)) == elements
