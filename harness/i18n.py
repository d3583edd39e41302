"""English and Chinese texts: English is the key, ``locale/zh_CN.po`` has the Chinese.

The catalogue is read as it is (no compiled file to forget), once, on first use.
"""

from __future__ import annotations

import locale
import os
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

import polib

LANGUAGES = ("zh-CN", "en")
CATALOGUE = Path(__file__).resolve().parent / "locale" / "zh_CN.po"

_language: ContextVar[str] = ContextVar("language", default="zh-CN")


def use(language: str) -> None:
    """Choose the language of everything that ``tr`` gives from here on."""
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {LANGUAGES}, not {language!r}")
    _language.set(language)


def current() -> str:
    """The language in use."""
    return _language.get()


def from_locale() -> str:
    """The language that the machine's locale asks for; Chinese where it does not say."""
    name = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    return "en" if name.lower().startswith("en") else "zh-CN"


@lru_cache(maxsize=1)
def _chinese() -> dict[str, str]:
    entries = polib.pofile(str(CATALOGUE), encoding="utf-8")
    return {entry.msgid: entry.msgstr for entry in entries if entry.msgstr}


def tr(text: str, /, **values: object) -> str:
    """``text`` in the language in use, with ``{holes}`` filled by ``values``."""
    if _language.get() == "zh-CN":
        text = _chinese().get(text, text)
    return text.format(**values) if values else text
