"""Tables of the built-in LIS, HIS and interface engine: what the SQL probes of its profile read."""

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
        version INTEGER, channel TEXT, sent_value TEXT, sent_unit TEXT, comment TEXT,
        reviewed_by TEXT)""",
    "CREATE INDEX IF NOT EXISTS results_barcode ON results (barcode, item, version)",
    "CREATE INDEX IF NOT EXISTS orders_barcode ON orders (barcode)",
    """CREATE TABLE IF NOT EXISTS reruns (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, patient_id TEXT, item TEXT,
        value TEXT, unit TEXT, flag TEXT, status TEXT, tested_at TEXT, instrument TEXT,
        reason TEXT)""",
    """CREATE TABLE IF NOT EXISTS quality_control (
        id INTEGER PRIMARY KEY AUTOINCREMENT, lot TEXT, item TEXT, value TEXT, unit TEXT,
        tested_at TEXT, instrument TEXT, kind TEXT)""",
    """CREATE TABLE IF NOT EXISTS attachments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, patient_id TEXT, kind TEXT,
        name TEXT, size INTEGER, sha256 TEXT, instrument TEXT)""",
    """CREATE TABLE IF NOT EXISTS analyzer_driver (
        sender TEXT PRIMARY KEY, settings TEXT, push INTEGER)""",
    """CREATE TABLE IF NOT EXISTS analyzer_item (
        sender TEXT, position INTEGER, channel TEXT, item TEXT, factor TEXT, decimals TEXT,
        unit TEXT, texts TEXT, PRIMARY KEY (sender, channel))""",
    """CREATE TABLE IF NOT EXISTS analyzer_port (
        link TEXT PRIMARY KEY, driver TEXT, settings TEXT)""",
    """CREATE TABLE IF NOT EXISTS worklist (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, item TEXT, channel TEXT,
        instrument TEXT, placer TEXT, action TEXT, way TEXT, state TEXT, sent_at TEXT)""",
    """CREATE TABLE IF NOT EXISTS critical_rule (
        item TEXT, low TEXT, high TEXT, texts TEXT, recheck INTEGER, sex TEXT, ward TEXT,
        age_from TEXT, age_below TEXT, PRIMARY KEY (item, sex, ward, age_from, age_below))""",
    """CREATE TABLE IF NOT EXISTS critical_setting (
        name TEXT PRIMARY KEY, minutes INTEGER)""",
    """CREATE TABLE IF NOT EXISTS critical_event (
        id TEXT PRIMARY KEY, barcode TEXT, patient_id TEXT, item TEXT, value TEXT, unit TEXT,
        level TEXT, version INTEGER, state TEXT, reason TEXT, control_id TEXT, escalations INTEGER,
        detected_at TEXT, rechecked_at TEXT, notified_at TEXT, received_at TEXT, received_by TEXT,
        escalated_at TEXT, handled_at TEXT, handled_by TEXT, note TEXT, closed_at TEXT,
        due_at TEXT, notify_s INTEGER, receive_s INTEGER, handle_s INTEGER)""",
    """CREATE TABLE IF NOT EXISTS critical_log (
        id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT, step TEXT, at TEXT, who TEXT,
        text TEXT)""",
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
    "CREATE INDEX IF NOT EXISTS his_results_barcode ON results (barcode, item, version)",
    """CREATE TABLE IF NOT EXISTS alarms (
        id INTEGER PRIMARY KEY AUTOINCREMENT, barcode TEXT, patient_id TEXT, item TEXT,
        value TEXT, level TEXT, state TEXT, ward TEXT, acknowledged_by TEXT, alert TEXT,
        recipient TEXT, escalation INTEGER, handled_by TEXT, note TEXT)""",
    """CREATE TABLE IF NOT EXISTS received (
        control_id TEXT, sender TEXT, digest TEXT, answer TEXT,
        PRIMARY KEY (sender, control_id))""",
    """CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, control_id TEXT, kind TEXT, subject TEXT,
        payload TEXT, state TEXT, tries INTEGER)""",
)

HIS_SETTLE = (
    """CREATE TABLE IF NOT EXISTS yb_bill (
        bill_no TEXT PRIMARY KEY, patient_id TEXT, name TEXT, id_card TEXT, kind TEXT,
        channel TEXT, med_type TEXT, acct_used TEXT, state TEXT, psn_no TEXT, psn_type TEXT,
        insutype TEXT, insuplc TEXT, mdtrt_id TEXT, batch BIGINT, total_fen BIGINT, cash_fen BIGINT,
        setl_id TEXT, parts TEXT, note TEXT, created_at TEXT)""",
    """CREATE TABLE IF NOT EXISTS yb_line (
        bill_no TEXT, batch BIGINT, line BIGINT, item TEXT, med_code TEXT, price TEXT, cnt TEXT,
        amount_fen BIGINT, PRIMARY KEY (bill_no, batch, line))""",
    """CREATE TABLE IF NOT EXISTS yb_map (
        item TEXT, med_code TEXT, begin TEXT, until TEXT, PRIMARY KEY (item, med_code))""",
    """CREATE TABLE IF NOT EXISTS yb_log (
        id INTEGER PRIMARY KEY AUTOINCREMENT, msgid TEXT, infno TEXT, bill_no TEXT, opter TEXT,
        request TEXT, state TEXT, answer TEXT, err_msg TEXT, sent_at TEXT, answered_at TEXT)""",
    "CREATE INDEX IF NOT EXISTS yb_log_bill ON yb_log (bill_no, infno)",
    "CREATE INDEX IF NOT EXISTS yb_log_msgid ON yb_log (msgid)",
    """CREATE TABLE IF NOT EXISTS yb_settlement (
        id INTEGER PRIMARY KEY AUTOINCREMENT, bill_no TEXT, setl_id TEXT, mdtrt_id TEXT,
        psn_no TEXT, medfee_fen BIGINT, fund_fen BIGINT, acct_fen BIGINT, cash_fen BIGINT,
        setl_time TEXT, refd_setl_flag TEXT, clr_type TEXT, insutype TEXT, clr_optins TEXT,
        medins_setl_id TEXT, booked_at TEXT)""",
    "CREATE INDEX IF NOT EXISTS yb_settlement_person ON yb_settlement (psn_no)",
    """CREATE TABLE IF NOT EXISTS yb_task (
        msgid TEXT PRIMARY KEY, bill_no TEXT, infno TEXT, state TEXT, tries BIGINT, note TEXT)""",
    """CREATE TABLE IF NOT EXISTS yb_day (
        id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT, insutype TEXT, clr_type TEXT,
        clr_optins TEXT, medfee_fen BIGINT, fund_fen BIGINT, acct_fen BIGINT, cnt BIGINT,
        stmt_rslt TEXT, note TEXT)""",
    """CREATE TABLE IF NOT EXISTS yb_difference (
        id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT, setl_id TEXT, psn_no TEXT, msgid TEXT,
        class TEXT, bill_no TEXT, repair TEXT, memo TEXT)""",
    """CREATE TABLE IF NOT EXISTS yb_void (
        id BIGINT PRIMARY KEY, bill_no TEXT, setl_id TEXT, medfee_fen BIGINT, reason TEXT,
        at TEXT)""",
    """CREATE TABLE IF NOT EXISTS yb_trace (
        bill_no TEXT, nth BIGINT, line BIGINT, item TEXT, med_code TEXT, code TEXT, split TEXT,
        state TEXT, sel_no TEXT, note TEXT, at TEXT, PRIMARY KEY (bill_no, nth))""",
    """CREATE TABLE IF NOT EXISTS yb_list (
        bill_no TEXT, setl_id TEXT, list_id TEXT, bill_code TEXT, state TEXT, note TEXT, at TEXT,
        PRIMARY KEY (bill_no, setl_id))""",
    """CREATE TABLE IF NOT EXISTS yb_ownpay (
        bill_no TEXT PRIMARY KEY, mdtrt_id TEXT, total_fen BIGINT, state TEXT, note TEXT)""",
    """CREATE TABLE IF NOT EXISTS yb_credential (
        bill_no TEXT PRIMARY KEY, token TEXT, auth_no TEXT, id_no TEXT, name TEXT, state TEXT,
        note TEXT, at TEXT)""",
    """CREATE TABLE IF NOT EXISTS yb_face (
        bill_no TEXT PRIMARY KEY, rslt TEXT, state TEXT, note TEXT, at TEXT)""",
    """CREATE TABLE IF NOT EXISTS yb_order (
        bill_no TEXT PRIMARY KEY, pay_ord_id TEXT, pay_token TEXT, ord_stas TEXT, fee_fen BIGINT,
        cash_fen BIGINT, acct_fen BIGINT, fund_fen BIGINT, state TEXT, note TEXT)""",
)
"""Tables of the HIS's cashier: bills, the log of messages, its own ledger, open ends, day ends."""

ENGINE = (
    """CREATE TABLE IF NOT EXISTS received (
        control_id TEXT, sender TEXT, digest TEXT, answer TEXT,
        PRIMARY KEY (sender, control_id))""",
    "CREATE TABLE IF NOT EXISTS sequence (sender TEXT PRIMARY KEY, last INTEGER)",
    """CREATE TABLE IF NOT EXISTS fragments (
        id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT, pointer TEXT, chain TEXT,
        payload TEXT)""",
    """CREATE TABLE IF NOT EXISTS queue (
        id INTEGER PRIMARY KEY AUTOINCREMENT, link TEXT, control_id TEXT, kind TEXT, patient TEXT,
        payload TEXT, state TEXT, tries INTEGER, reason TEXT, origin TEXT)""",
    "CREATE INDEX IF NOT EXISTS queue_pending ON queue (link, state, id)",
    "CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT)",
)
"""Tables of the interface engine. ``origin`` of a queued message holds it as it came, where its
sender waits for an application answer."""
