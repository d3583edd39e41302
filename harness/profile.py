"""Site profiles: TOML to a validated model (``harness/profile_*.py`` hold the parts)."""

from __future__ import annotations

from harness.profile_load import load_profile
from harness.profile_model import (
    Canary,
    Endpoint,
    Line,
    Operators,
    Policy,
    Privacy,
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
    "Canary",
    "Endpoint",
    "Environment",
    "Line",
    "LinkProtocol",
    "LinkTransport",
    "Mode",
    "Operators",
    "Policy",
    "Privacy",
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
