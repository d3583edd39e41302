"""Site profiles: TOML to a validated model (``harness/profile_*.py`` hold the parts)."""

from __future__ import annotations

from harness.profile_load import load_profile
from harness.profile_model import (
    Endpoint,
    Line,
    Policy,
    ProbeConfig,
    Profile,
    RoleEncoding,
    System,
    TestSubjects,
    Tls,
)
from harness.profile_schema import schema_text
from harness.profile_values import (
    Environment,
    LinkProtocol,
    LinkTransport,
    Mode,
    ProbeKind,
    Reach,
    Transport,
    Via,
    Worker,
)

__all__ = [
    "Endpoint",
    "Environment",
    "Line",
    "LinkProtocol",
    "LinkTransport",
    "Mode",
    "Policy",
    "ProbeConfig",
    "ProbeKind",
    "Profile",
    "Reach",
    "RoleEncoding",
    "System",
    "TestSubjects",
    "Tls",
    "Transport",
    "Via",
    "Worker",
    "load_profile",
    "schema_text",
]
