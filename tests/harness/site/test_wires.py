"""The wiring sheet: whole rows, each of a system of the hospital; none where we play both sides."""

import pytest

from harness import doctor_echo
from harness.i18n import tr
from harness.night import wires
from harness.profile import load_profile
from scenarios.steps.imaging_heard import LOOKER
from scenarios.steps.imaging_site import DEVICES
from simulators.modality.model import known_models, load_model
from simulators.modality.systems import AE_TITLES

HERE = tr("address of this machine")
DEVICE_TITLES = " ".join(sorted(load_model(one).ae_title for one in known_models()))

COM = 'transport = "serial"\nurl = "COM3"'
SERVER = 'transport = "serial"\nurl = "socket://192.0.2.30:4001"'
REAL = 'host = "192.0.2.10"\nport = 5001'
RELAY = f'{REAL}\nvia = "relay"\nrelay_port = 7001'
OURS = "port = 11112"
PACS = 'host = "192.0.2.10"\nport = 104\nae_title = "SITEPACS"'


def rows(tmp_path, protocol, frm, to, real, more):
    """Whole rows of one link: system, setting, during; of the real roles that are named."""
    interface = {"astm": "LIS-ASTM", "mllp": "LIS-ORU", "dicom": "PACS-DIMSE"}[protocol]
    systems = [f'[systems.{role}]\nmode = "{"real" if role in real else "simulated"}"'
               for role in dict.fromkeys((frm, to, *real, "LIS"))
               if role in real or role not in {"analyzer", "modality"}]  # fmt: skip
    path = tmp_path / "site.toml"
    path.write_text(
        "\n".join([
            'format = 1\nname = "x"\nenvironment = "test"', *systems,
            f'[endpoints.one]\ninterface = "{interface}"\nfrom = "{frm}"\nto = "{to}"',
            f'protocol = "{protocol}"\n{more}',
        ]), encoding="utf-8",
    )  # fmt: skip
    found = wires.wiring(load_profile(str(path)))
    assert all((one.endpoint, one.before, one.restored) == ("one", "", "") for one in found)
    return [(one.system, one.setting, one.during) for one in found]


@pytest.mark.parametrize(("frm", "to", "real", "more", "wanted"), [
    ("analyzer", "LIS", ["LIS"], COM, [("LIS", "COM port", "COM3")]),
    ("analyzer", "LIS", ["analyzer"], COM, [("analyzer", "COM port", "COM3")]),
    ("analyzer", "LIS", ["LIS"], SERVER, [("LIS", "COM port", "socket://192.0.2.30:4001")]),
    # A recorder between two real sides: the caller's cable ends at url, the listener's beyond.
    ("analyzer", "LIS", ["analyzer", "LIS"], f'{COM}\nlisten_url = "COM4"',
     [("analyzer", "COM port", "COM3"), ("LIS", "COM port", "COM4")]),
    ("analyzer", "LIS", ["analyzer", "LIS"], COM, []),
    ("analyzer", "LIS", [], f'{COM}\nlisten_url = "COM4"', []),
])  # fmt: skip
def test_a_serial_line_is_a_row_of_its_port_for_each_real_side(
    tmp_path, frm, to, real, more, wanted
):
    found = rows(tmp_path, "astm", frm, to, real, more)
    assert found == [(system, tr(setting), port) for system, setting, port in wanted]


@pytest.mark.parametrize(("frm", "to", "real", "more", "wanted"), [
    ("analyzer", "LIS", ["LIS"], REAL, [("LIS", "IP white list", HERE)]),
    ("analyzer", "LIS", ["analyzer"], OURS, [("analyzer", "address", "127.0.0.1:11112")]),
    ("analyzer", "LIS", ["analyzer", "LIS"], RELAY,
     [("analyzer", "address", "127.0.0.1:7001"), ("LIS", "IP white list", HERE)]),
    # Nobody can call 0.0.0.0: the sheet says which machine, and whoever fills it in knows it.
    ("analyzer", "LIS", ["analyzer"], 'host = "0.0.0.0"\nexpose = true\nport = 9001',
     [("analyzer", "address", f"{HERE}:9001")]),
    ("analyzer", "LIS", ["analyzer"], 'host = "::1"\nport = 9001',
     [("analyzer", "address", "[::1]:9001")]),
    # We stand beside that link: nothing of it is changed.
    ("analyzer", "LIS", ["analyzer", "LIS"], REAL, []),
    ("analyzer", "LIS", [], OURS, []),
    ("analyzer", "LIS", [], f'{OURS}\nvia = "relay"', []),
])  # fmt: skip
def test_over_tcp_who_calls_us_gets_our_address_and_whom_we_call_lets_us_in(
    tmp_path, frm, to, real, more, wanted
):
    found = rows(tmp_path, "astm", frm, to, real, more)
    assert found == [(system, tr(setting), value) for system, setting, value in wanted]


CALLS, MAY = "AE title that it calls", "AE titles that may call it"


@pytest.mark.parametrize(("frm", "to", "real", "more", "wanted"), [
    ("modality", "PACS", ["PACS"], PACS,
     [("PACS", "IP white list", HERE), ("PACS", MAY, f"{DEVICE_TITLES} {LOOKER} @ {HERE}")]),
    ("PACS", "modality", ["PACS"], OURS,
     [("PACS", "address", "127.0.0.1:11112"),
      ("PACS", CALLS, f"{DEVICE_TITLES} @ 127.0.0.1:11112")]),
    ("modality", "PACS", ["modality"], OURS,
     [("modality", "address", "127.0.0.1:11112"),
      ("modality", CALLS, f"{AE_TITLES['PACS']} @ 127.0.0.1:11112")]),
    ("modality", "PACS", ["modality"], f'{OURS}\nae_title = "STANDIN"',
     [("modality", "address", "127.0.0.1:11112"),
      ("modality", CALLS, "STANDIN @ 127.0.0.1:11112")]),
    ("PACS", "modality", ["modality"], REAL,
     [("modality", "IP white list", HERE), ("modality", MAY, f"{AE_TITLES['PACS']} @ {HERE}")]),
    # Behind a relay the device calls the PACS by its own title, from our address.
    ("modality", "PACS", ["modality", "PACS"], f'{PACS}\nvia = "relay"\nrelay_port = 7001',
     [("modality", "address", "127.0.0.1:7001"), ("PACS", "IP white list", HERE),
      ("PACS", MAY, None)]),
    ("modality", "PACS", ["modality", "PACS"], PACS, []),
    ("modality", "PACS", [], OURS, []),
])  # fmt: skip
def test_a_row_of_ae_titles_is_of_the_system_that_must_know_ours(
    tmp_path, frm, to, real, more, wanted
):
    theirs = f"{tr('AE title of {role}', role='modality')} @ {HERE}"
    assert rows(tmp_path, "dicom", frm, to, real, more) == [
        (system, tr(setting), theirs if value is None else value)
        for system, setting, value in wanted
    ]


def test_the_titles_on_the_sheet_are_those_under_which_we_call():
    """They stand twice because the engine may not look into the storeys above it."""
    assert wires.SYSTEM_TITLES == AE_TITLES
    assert doctor_echo.LOOKER == LOOKER
    assert {load_model(one).ae_title for one in DEVICES.values()} <= set(DEVICE_TITLES.split())
