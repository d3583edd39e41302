"""What a probe over HTTP may ask: any GET, and a POST where the vendor's interface only searches.

A GET is safe by the standard (RFC 9110 §9.2.1). Some vendors take the keys of a search in the body
of a POST instead; that it changes nothing is their word alone, so each such path stands here with
where they give it, and no profile can name another one.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import InputError
from harness.i18n import tr
from harness.probes.asking import filled
from harness.wire.http1_events import HttpRequest

SEARCHES: Final[Mapping[str, str]] = {
    "/tools/find": "Orthanc, REST API: looks up patients, studies, series or instances by a query",
}
"""Paths at which a POST only searches: product, and what its documentation says of the call."""

POST: Final = "POST "


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its holes (``:study``) still open.

    Attributes:
        target: path and query.
        body: keys of a search, sent as JSON; None for a GET.
    """

    target: str
    body: Mapping[str, Any] | None = None

    def request(self, args: Mapping[str, str], headers: tuple[tuple[str, str], ...]) -> HttpRequest:
        """The question with its holes filled.

        A value goes into a path percent-encoded, and into a body as a whole text of JSON: nothing
        that is asked for can become a key or another path.

        Raises:
            InputError: a hole has no value, or a value that no id has.
        """
        target = filled(self.target, args, lambda value: urllib.parse.quote(value, safe=""))
        if self.body is None:
            return HttpRequest(method="GET", target=target, headers=headers)
        payload = json.dumps(_put(self.body, args), ensure_ascii=False).encode()
        kind = ("Content-Type", "application/json")
        return HttpRequest(method="POST", target=target, headers=(*headers, kind), payload=payload)


def _put(value: Any, args: Mapping[str, str]) -> Any:
    """A value of the body with the holes in its texts filled; names of keys have none."""
    if isinstance(value, str):
        return filled(value, args, str)
    if isinstance(value, dict):
        return {name: _put(one, args) for name, one in value.items()}
    return [_put(one, args) for one in value] if isinstance(value, list) else value


def question_of(query: str) -> Question:
    """Read the query of a profile: ``/path?key=:hole``, or ``POST /path`` and a line of JSON.

    Raises:
        InputError: it is no path, it would POST where more than a search happens, or its body is no
            JSON object.
    """
    text = query.strip()
    if not text.startswith(POST):
        _check_path(text)
        return Question(target=text)
    target, _, body = text.removeprefix(POST).strip().partition("\n")
    target = target.strip()
    _check_path(target)
    if target not in SEARCHES:
        raise InputError(
            tr("a probe does not POST to {path}: nobody says that it only searches", path=target),
            remedy=tr("use one of: {known}", known=", ".join(sorted(SEARCHES))),
        )
    try:
        keys = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(tr("the body of the search is no JSON: {why}", why=error)) from None
    if not isinstance(keys, dict):
        raise InputError(tr("the body of the search is no JSON object"))
    return Question(target=target, body=keys)


def _check_path(target: str) -> None:
    if not target.startswith("/") or any(sign.isspace() for sign in target):
        raise InputError(tr("the query of an HTTP probe is a path that begins with /"))
