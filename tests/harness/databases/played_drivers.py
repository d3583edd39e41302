"""Drivers that are played (PEP 249): they write down what they are told, and answer from a list.

They stand where no server is. What they answer was typed from the vendors' references.
"""

from __future__ import annotations

import types
from decimal import Decimal

READER = {"session_privs": [("CREATE SESSION",)], "fn_my_permissions": [("CONNECT",), ("SELECT",)],
          "SHOW GRANTS": [("GRANT USAGE ON *.* TO `r`@`%`",),
                          ("GRANT SELECT, SHOW VIEW ON `lis`.* TO `r`@`%`",)]}  # fmt: skip
"""What a catalogue says of an account that only reads; every other question shows nothing."""


class Driver(types.ModuleType):
    """A driver module; ``told`` has every statement in its order, with the values bound."""

    def __init__(self, name, answers=None, *, refuses=()):
        super().__init__(name)
        self.answers = {**READER, **(answers or {})}
        self.refuses = dict(refuses)
        self.told = []
        self.connected = []
        self.clients = []
        self.sized = []
        self.Error = type("Error", (Exception,), {"__module__": f"{name}.exceptions"})
        for kind in ("NUMBER", "CLOB", "LONG", "CHAR", "VARCHAR"):
            setattr(self, f"DB_TYPE_{kind}", f"<DbType {kind}>")

    def connect(self, **words):
        self._maybe_refuse("connect")
        self.connected.append(words)
        return Connection(self)

    def init_oracle_client(self, lib_dir):
        self._maybe_refuse("init_oracle_client")
        self.clients.append(lib_dir)

    def _maybe_refuse(self, what):
        for part, error in self.refuses.items():
            if part in what:
                raise error if isinstance(error, Exception) else self.Error(*error)

    def tell(self, statement, values):
        self.told.append((statement, values) if values else statement)
        self._maybe_refuse(statement)


class Connection:
    def __init__(self, driver):
        self.driver = driver
        self.closed = False

    def __setattr__(self, name, value):
        if name == "call_timeout":
            self.driver._maybe_refuse("call_timeout")
            self.driver.told.append(f"call_timeout={value}")
        super().__setattr__(name, value)

    def cursor(self):
        return Cursor(self.driver)

    def rollback(self):
        self.driver.told.append("<rollback>")

    def cancel(self):
        self.driver.told.append("<cancel>")

    def close(self):
        self.closed = True
        self.driver.told.append("<close>")


class Cursor:
    arraysize = 100

    def __init__(self, driver):
        self.driver = driver
        self.rows = []
        self.description = []

    def setinputsizes(self, **sizes):
        self.driver.sized.append(sizes)

    def execute(self, statement, values=None):
        self.driver.tell(statement, values)
        self.rows = next(
            (rows for part, rows in self.driver.answers.items() if part in statement), []
        )
        width = len(self.rows[0]) if self.rows else 1
        kinds = self.driver.answers.get("kinds", ["VARCHAR"] * width)
        self.description = [
            (name, getattr(self.driver, f"DB_TYPE_{kind}"))
            for name, kind in zip(self.driver.answers.get("names", ["A"] * width), kinds, strict=False)
        ]  # fmt: skip

    def fetchall(self):
        return list(self.rows)

    def fetchmany(self, count):
        return list(self.rows[:count])

    def var(self, kind, arraysize):
        return ("var", kind if kind is not Decimal else "decimal", arraysize)

    def close(self):
        self.rows = []
