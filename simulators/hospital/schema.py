"""Tables of the built-in LIS and HIS: what the SQL probes of the built-in profile read."""

from __future__ import annotations

LIS = (
    """CREATE TABLE IF NOT EXISTS patients (
        patient_id TEXT PRIMARY KEY, name TEXT, sex TEXT, birth TEXT, id_card TEXT,
        ward TEXT, bed TEXT, phone TEXT, state TEXT)""",
    """CREATE TABLE IF NOT EXISTS orders (
        placer TEXT, barcode TEXT, patient_id TEXT, item TEXT, priority TEXT, state TEXT,
        PRIMARY KEY (placer, item))""",
    """CREATE TABLE IF NOT EXISTS results (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, patient_id TEXT, item TEXT,
        value TEXT, unit TEXT, flag TEXT, status TEXT, tested_at TEXT, instrument TEXT,
        version INTEGER)""",
    "CREATE INDEX IF NOT EXISTS results_barcode ON results (barcode)",
    """CREATE TABLE IF NOT EXISTS quality_control (
        id INTEGER PRIMARY KEY AUTOINCREMENT, lot TEXT, item TEXT, value TEXT, unit TEXT,
        tested_at TEXT, instrument TEXT)""",
    """CREATE TABLE IF NOT EXISTS unmatched (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, item TEXT, value TEXT,
        reason TEXT, instrument TEXT)""",
    """CREATE TABLE IF NOT EXISTS received (
        control_id TEXT, sender TEXT, digest TEXT, answer TEXT,
        PRIMARY KEY (sender, control_id))""",
    """CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, control_id TEXT, kind TEXT, subject TEXT,
        payload TEXT, state TEXT, tries INTEGER)""",
)

HIS = (
    """CREATE TABLE IF NOT EXISTS patients (
        patient_id TEXT PRIMARY KEY, name TEXT, sex TEXT, birth TEXT, id_card TEXT,
        ward TEXT, bed TEXT, phone TEXT, state TEXT)""",
    """CREATE TABLE IF NOT EXISTS orders (
        placer TEXT, barcode TEXT, patient_id TEXT, item TEXT, priority TEXT, state TEXT,
        PRIMARY KEY (placer, item))""",
    """CREATE TABLE IF NOT EXISTS results (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, patient_id TEXT, item TEXT,
        value TEXT, unit TEXT, flag TEXT, status TEXT, tested_at TEXT, version INTEGER)""",
    "CREATE INDEX IF NOT EXISTS his_results_barcode ON results (barcode)",
    """CREATE TABLE IF NOT EXISTS alarms (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, patient_id TEXT, item TEXT,
        value TEXT, level TEXT, state TEXT, ward TEXT, acknowledged_by TEXT)""",
    """CREATE TABLE IF NOT EXISTS received (
        control_id TEXT, sender TEXT, digest TEXT, answer TEXT,
        PRIMARY KEY (sender, control_id))""",
    """CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, control_id TEXT, kind TEXT, subject TEXT,
        payload TEXT, state TEXT, tries INTEGER)""",
)
