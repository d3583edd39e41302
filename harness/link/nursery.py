"""Simulated systems out of one process that has read their modules already.

A system that is started as ``python -m MODULE`` spends half a second of a processor on reading its
modules, again with each start and each restart; a run of many workers starts some hundred of them.
The nursery reads them once and forks: what comes out is a process as any other, with its own
memory, pipes and end, and a power cut kills it alone. Only on Linux, where a process can be waited
for and killed by a handle that no other process can come to own (``pidfd_open(2)``); elsewhere, and
where the nursery cannot be reached, each system is started by itself.

Whoever has the nursery's socket can ask; processes that a run forks inherit it. Each question
brings the pipes of the new process and a socket for the answer along, so nothing is named, listened
on or shared. The nursery ends when the last one that could ask is gone.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
import types
import weakref
from collections.abc import Iterator, Sequence
from typing import IO, Final

from harness import limits

ASKED_BYTES_MAX: Final = 4096
"""Of one question: the name of a module."""

FDS: Final = 4
"""With each question: standard input, output, error output, and where the answer goes."""

_kept: list[Nursery] = []
"""The one of this process, while a run goes on."""


def possible() -> bool:
    """Whether this operating system has what the nursery needs."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class Child:
    """A process out of the nursery, used like ``subprocess.Popen`` by ``process.py``."""

    def __init__(self, pid: int, handle: int, pipes: Sequence[int]) -> None:
        self.pid = pid
        self._handle = handle
        weakref.finalize(self, os.close, handle)
        self.stdin: IO[str] | None = os.fdopen(pipes[0], "w", encoding="utf-8")
        self.stdout: IO[str] | None = _readable(pipes[1])
        self.stderr: IO[str] | None = _readable(pipes[2])
        self._gone = False

    def poll(self) -> int | None:
        """None while it runs."""
        return 0 if self._ended(0.0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Until it is gone.

        Raises:
            subprocess.TimeoutExpired: it is still there.
        """
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired("a system out of the nursery", timeout or 0.0)
        return 0

    def _ended(self, timeout: float | None) -> bool:
        if not self._gone:
            asked = select.poll()
            asked.register(self._handle, select.POLLIN)
            self._gone = bool(asked.poll(None if timeout is None else timeout * 1000))
        return self._gone

    def kill(self) -> None:
        """Cut its power."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)  # type: ignore[attr-defined,unused-ignore] # Linux


def _readable(fd: int) -> IO[str]:
    return os.fdopen(fd, encoding="utf-8", errors="backslashreplace")


class Nursery:
    """One that runs, seen by those who ask."""

    def __init__(self) -> None:
        self._asking, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.link.nursery", str(far.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[far.fileno()],
            env=os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # Ctrl-C is for the run; it ends its systems itself
        )
        far.close()

    def launch(self, module: str) -> Child:
        """A new process that runs a module as ``python -m`` does.

        Raises:
            OSError: the nursery is gone, or could not.
        """
        pipes = [*os.pipe(), *os.pipe(), *os.pipe()]
        stdin, ours_in, ours_out, stdout, ours_err, stderr = pipes
        mine, theirs = socket.socketpair()
        try:
            with mine, theirs:
                given = [stdin, stdout, stderr, theirs.fileno()]
                socket.send_fds(self._asking, [module.encode()], given)
                theirs.close()
                mine.settimeout(limits.START_TIMEOUT_S)
                said, handles, _, _ = socket.recv_fds(mine, 32, 1)
            if not handles:
                raise ConnectionResetError("the nursery is gone")
        except OSError:
            for fd in (ours_in, ours_out, ours_err):
                os.close(fd)
            raise
        finally:
            for fd in (stdin, stdout, stderr):
                os.close(fd)
        return Child(int(said), handles[0], [ours_in, ours_out, ours_err])

    def close(self) -> None:
        """No more questions from here; waits for its end, for it counts what its systems used."""
        self._asking.close()
        try:
            self._process.wait(limits.STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Start systems out of a nursery for the time of a run, where that is possible."""
    if not possible() or _kept:
        yield
        return
    _kept.append(Nursery())
    try:
        yield
    finally:
        _kept.pop().close()


def launched(argv: Sequence[str]) -> Child | None:
    """What is asked for as ``python -m MODULE``, out of the nursery; None where there is none."""
    asked = list(argv)
    if not _kept or asked != python(asked[-1]):
        return None
    try:
        return _kept[0].launch(asked[-1])
    except OSError:
        return None


def python(module: str) -> list[str]:
    """How to start a module of ours with the running interpreter."""
    return [sys.executable, "-m", module]


# -- the nursery itself --------------------------------------------------------------------------


class _Answering:
    """Takes questions, forks, and collects what has ended."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._woken, self._waking = socket.socketpair()
        self._code: dict[str, types.CodeType] = {}
        self._children: set[int] = set()

    def run(self) -> None:
        """Until nobody can ask any more, and all are gone."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._waking.settimeout(0.0)
        signal.set_wakeup_fd(self._waking.fileno())
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        told = select.poll()
        told.register(self._asked, select.POLLIN)
        told.register(self._woken, select.POLLIN)
        while True:
            ready = {fd for fd, _ in told.poll()}
            if self._woken.fileno() in ready:
                self._woken.recv(ASKED_BYTES_MAX)
                self._collect(os.WNOHANG)
            if self._asked.fileno() in ready and not self._answer():
                break
        while self._children:  # their standard input has ended, so they end
            self._collect(0)

    def _collect(self, how: int) -> None:
        while self._children:
            try:
                pid, _ = os.waitpid(-1, how)
            except ChildProcessError:
                self._children.clear()
                return
            if pid == 0:
                return
            self._children.discard(pid)

    def _answer(self) -> bool:
        said, fds, _, _ = socket.recv_fds(self._asked, ASKED_BYTES_MAX, FDS)
        if not said:
            return False
        module = said.decode()
        with contextlib.ExitStack() as stack:
            for fd in fds:
                stack.callback(os.close, fd)
            if len(fds) == FDS:
                trouble = self._read_in(module)
                pid = os.fork()
                if pid == 0:
                    self._live(module, fds, trouble)
                self._children.add(pid)
                handle = os.pidfd_open(pid)  # type: ignore[attr-defined,unused-ignore] # Linux
                stack.callback(os.close, handle)
                answer = stack.enter_context(socket.socket(fileno=os.dup(fds[3])))
                with contextlib.suppress(OSError):  # whoever asked is gone
                    socket.send_fds(answer, [str(pid).encode()], [handle])
        return True

    def _read_in(self, module: str) -> str:
        """Read what a module needs, once; why that cannot be done."""
        if module in self._code:
            return ""
        try:
            spec = importlib.util.find_spec(module)
            if spec is not None and spec.submodule_search_locations is not None:
                spec = importlib.util.find_spec(f"{module}.__main__")
            if spec is None or spec.loader is None:
                return f"No module named {module}"
            importlib.import_module(spec.name)
            code = spec.loader.get_code(spec.name)  # type: ignore[attr-defined] # of every file
            self._code[module] = code
            gc.collect()
            gc.freeze()  # no process that comes out of here looks through it again
        except Exception:  # noqa: BLE001 - told by the process that was to be
            return traceback.format_exc()
        return ""

    def _live(self, module: str, fds: Sequence[int], trouble: str) -> None:
        """In the new process: become the module."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for ours in (self._asked, self._woken, self._waking):
                ours.close()
            for number, fd in enumerate(fds[:3]):
                os.dup2(fd, number)
            for fd in fds:
                os.close(fd)
            if trouble:
                sys.stderr.write(trouble)
            else:
                main = types.ModuleType("__main__")
                sys.modules["__main__"] = main
                sys.argv = [module]
                exec(self._code[module], main.__dict__)  # noqa: S102 - as ``python -m`` does
                status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            if isinstance(ended.code, str):
                sys.stderr.write(f"{ended.code}\n")
        except BaseException:  # noqa: BLE001 - as the interpreter tells it at its end
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)


if __name__ == "__main__":
    _Answering(socket.socket(fileno=int(sys.argv[1]))).run()
