"""A link and its connections."""

from __future__ import annotations

import pytest

from harness.link.spec import LinkSpec

SPEC = LinkSpec(name="lis-his", interface="LIS-ORU", frm="LIS", to="HIS", protocol="mllp")


@pytest.mark.parametrize(("client", "local", "peer"), [(True, "LIS", "HIS"), (False, "HIS", "LIS")])
def test_ends_are_named_by_who_connects(client: bool, local: str, peer: str) -> None:
    connection = SPEC.connection("lis-his#1", client=client)

    assert (connection.local, connection.peer, connection.client) == (local, peer, client)
    assert (connection.id, connection.link, connection.interface) == (
        "lis-his#1",
        "lis-his",
        "LIS-ORU",
    )
