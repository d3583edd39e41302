"""Files between hospital and centre: 9101 upload, 9102 download, and the ZIP of TXT inside.

Text files are UTF-8, TAB separated, a row a line, no heading, empty as ``null``. What real writers
do (a TAB behind the last column, CRLF, no last line end) a lenient centre takes and a strict one
refuses.
"""

from __future__ import annotations

import base64
import io
import lzma
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from harness.input_files import DAMAGED_ZIP
from harness.limits import MIB
from simulators.centre.ids import fresh
from simulators.centre.ledger import one
from simulators.centre.rules import Desk, Refusal, needed, node, stamp, text
from simulators.centre.transaction import Answer, Books, Call, Handled, Statement
from simulators.store import insert

FILE_BYTES_MAX = 32 * MIB
"""An uploaded file, packed: a hundred thousand rows pack to about 3 MiB."""

TEXT_BYTES_MAX = 64 * MIB
"""The text inside, unpacked: what is larger is taken for a bomb."""

MEMBERS_MAX = 1
"""Files inside a ZIP: the interface sends one."""

LINES_MAX = 1_000_000
"""Rows of one file."""

_EPOCH = (2021, 12, 30, 0, 0, 0)
"""One time stamp for all members, so that equal rows make equal bytes."""


def zip_text(name: str, lines: Sequence[Sequence[str]]) -> bytes:
    """Pack rows as the centre writes them: TAB between columns, LF behind every row."""
    content = "".join("\t".join(line) + "\n" for line in lines).encode("utf-8")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name, date_time=_EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, content)
    return packed.getvalue()


def unzip_text(body: bytes, *, strict: bool) -> list[list[str]]:
    """Rows of a packed text; ``null`` becomes empty.

    Raises:
        Refusal: no ZIP of one text file, too large, not UTF-8, or (strict) untidy.
    """
    content = _member(body)
    try:
        decoded = content.decode("utf-8")
    except UnicodeDecodeError:
        if strict:
            raise Refusal("file_bad", reason="编码不是UTF-8") from None
        decoded = content.decode("gb18030", errors="replace")
    if strict and (decoded.startswith("\ufeff") or "\r" in decoded):
        raise Refusal("file_bad", reason="存在BOM或回车符")
    rows: list[list[str]] = []
    for line in decoded.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        if strict and line.endswith("\t"):
            raise Refusal("file_bad", reason="行尾存在多余的制表符")
        if len(rows) >= LINES_MAX:
            raise Refusal("file_bad", reason="行数超过上限")
        cells = line.removesuffix("\t").split("\t")
        rows.append(["" if cell == "null" else cell for cell in cells])
    return rows


def _member(body: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            # A name that begins with NUL is read as none, of which the library tells nothing.
            nameless = len(members) == MEMBERS_MAX and not members[0].filename
            if len(members) != MEMBERS_MAX or (not nameless and members[0].is_dir()):
                raise Refusal("file_bad", reason="压缩包应当只含一个文本文件")
            if nameless or _leads_out(members[0].orig_filename):
                raise Refusal("file_bad", reason="压缩包内的文件名不合法")
            with archive.open(members[0]) as file:
                # Never trust the size that the archive states: read one byte more than allowed.
                content = file.read(TEXT_BYTES_MAX + 1)
    except (OSError, zlib.error, lzma.LZMAError) as error:
        raise Refusal("file_bad", reason="ZIP已损坏") from error
    except DAMAGED_ZIP as error:
        raise Refusal("file_bad", reason="不是有效的ZIP") from error
    if len(content) > TEXT_BYTES_MAX:
        raise Refusal("file_bad", reason="解压后超过上限")
    return content


def _leads_out(name: str) -> bool:
    """A name that would land outside the folder if it were unpacked as it stands.

    Nothing here is unpacked by name; but nobody may believe that such a file was taken.
    """
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or not parts[0] or ":" in name or "\0" in name


def upload_bytes(value: object) -> bytes:
    """The content of ``in``: bytes of a multipart body, signed byte values, or Base64.

    Raises:
        Refusal: none of these, or too large.
    """
    content = b""
    if isinstance(value, bytes | bytearray):
        content = bytes(value)
    elif isinstance(value, str):
        if len(value) > FILE_BYTES_MAX * 4 // 3 + 4:
            raise Refusal("file_bad", reason="文件超过上限")
        try:
            content = base64.b64decode(value, validate=True)
        except ValueError:  # not ASCII, or not Base64
            raise Refusal("file_bad", reason="文件数据不是Base64") from None
    elif isinstance(value, Sequence):
        try:
            content = bytes(int(number) % 256 for number in value[: FILE_BYTES_MAX + 1])
        except (TypeError, ValueError):
            raise Refusal("file_bad", reason="文件数据不是字节数组") from None
    if not content:
        raise Refusal("file_bad", reason="文件为空")
    if len(content) > FILE_BYTES_MAX:
        raise Refusal("file_bad", reason="文件超过上限")
    return content


def store_file(
    desk: Desk, call: Call, books: Books, filename: str, body: bytes, *, owner: str
) -> tuple[str, str, Statement]:
    """Keep a file: its number, until when it can be fetched, and the statement."""
    number = fresh(
        books, "files", "file_qury_no", desk.seed, call.fixmedins_code, call.infno, call.msgid
    )
    until = f"{call.at + timedelta(hours=desk.policy.file_hours):%Y-%m-%d %H:%M:%S}"
    row = {
        "file_qury_no": number,
        "fixmedins_code": owner,
        "filename": filename,
        "dld_endtime": until,
        "body": base64.b64encode(body).decode("ascii"),
    }
    return number, until, insert("files", row)


def fetch_file(desk: Desk, call: Call, books: Books, data: Mapping[str, Any]) -> tuple[str, bytes]:
    """A kept file of this hospital, or a catalogue.

    Raises:
        Refusal: unknown, expired, or of another hospital.
    """
    number = needed(data, "file_qury_no")
    row = one(books, "SELECT * FROM files WHERE file_qury_no = ?", number)
    if row is None:
        raise Refusal("file_unknown", no=number)
    shared = row["fixmedins_code"] == desk.policy.catalogue_owner
    named = text(data, "fixmedins_code") or call.fixmedins_code
    wanted = {desk.policy.catalogue_owner} if shared else {call.fixmedins_code}
    if not shared:
        # Many clients name the catalogue owner for every download, their own files too.
        wanted.add(desk.policy.catalogue_owner)
    if named not in wanted or (not shared and row["fixmedins_code"] != call.fixmedins_code):
        raise Refusal("file_other", no=number)
    if row["dld_endtime"] < stamp(call):
        raise Refusal("file_expired", no=number)
    return row["filename"], base64.b64decode(row["body"])


def upload(desk: Desk, call: Call, books: Books) -> Handled:
    """9101: keep a file and give its number. Whether it can be read shows at its use (3202)."""
    data = node(call, "fsUploadIn")
    body = upload_bytes(data.get("in"))
    filename = needed(data, "filename").replace("\\", "/").rsplit("/", 1)[-1]
    number, until, statement = store_file(
        desk, call, books, filename, body, owner=call.fixmedins_code
    )
    output = {
        "file_qury_no": number,
        "filename": filename,
        "fixmedins_code": call.fixmedins_code,
        "dld_endtime": until,
    }
    return Handled(answer=Answer(output=output), statements=[statement])


def download(desk: Desk, call: Call, books: Books) -> Handled:
    """9102: the bytes of a file."""
    filename, body = fetch_file(desk, call, books, node(call, "fsDownloadIn"))
    return Handled(answer=Answer(output={"filename": filename}, file=body))
