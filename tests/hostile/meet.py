"""Loads what commands load, once, and forks a process of its own for every hostile artefact: watched, and held to time and memory.

One JSON object a line on standard input: {"words", "folder", "log", "writes", "stdin"}; answers {"code", "seconds", "mib", "seen"}.
`seen` is what the audit hook saw that nobody may do: foreign code, a process, a connection, a pickle's class, a write elsewhere.
"""

import importlib
import json
import os
import platform
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import CodeType

SECONDS, WAIT, BYTES = 20, 120, 2 << 30  # of computing; by the clock, for what waits; of memory
MARK = "canary"  # stands in all foreign code of the corpus
LOADED = ("steelyard.cli", "steelyard.engine.job", "steelyard.evidence.quality", "steelyard.evidence.case", "steelyard.verbs.weigh",
          "steelyard.verbs.train", "steelyard.verbs.doctor", "steelyard.verbs.predict", "steelyard.report.page", "steelyard.report.card",
          "sklearn.linear_model", "sklearn.feature_extraction.text", "torch.utils.tensorboard.writer",
          "tensorboard.plugins.hparams.api_pb2", "rich.progress", "transformers.modeling_utils",
          "transformers.models.bert.modeling_bert", "transformers.models.auto.processing_auto", "steelyard.families.hub",
          "steelyard.families.mlp", "steelyard.families.bert", "steelyard.tasks.image_classification",
          "steelyard.tasks.text_classification", "pyarrow.parquet", "PIL.Image", "torch._dynamo", "huggingface_hub.hf_api")
PROCESSES = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "os.forkpty", "pty.spawn")
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind")
CHANGES = {"os.rename": 2, "os.remove": 1, "os.mkdir": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2, "os.chmod": 1, "os.truncate": 1,
           "shutil.rmtree": 1, "shutil.move": 2, "os.utime": 1}  # event -> how many of its arguments are paths
INSTALLED = (sys.prefix, sys.base_prefix)  # what stands there was installed by the person
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NAMELESS = os.O_TMPFILE & ~os.O_DIRECTORY


class Watch:
    """The audit hook of one command. `seen` grows; nothing is stopped, so that the command shows all that it would do."""

    def __init__(self, folder: Path, writes: Sequence[str], hosts: Sequence[str]) -> None:
        self.folder, self.hosts = os.path.realpath(folder), hosts
        places = [os.path.join(self.folder, place) for place in writes]
        kept = [os.path.realpath(os.environ[name]) for name in ("STEELYARD_CACHE", "HF_HOME", "TMPDIR")]
        self.places = (*places, *kept, "/dev/null", "/proc/", "/dev/shm")
        self.seen: list[str] = []

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if event in PROCESSES or event == "pickle.find_class":
            self.seen.append(f"{event} {args!r}"[:200])
        elif event in NETWORK:
            if not any(host in repr(args) for host in self.hosts):
                self.seen.append(f"{event} {args[-1]!r}"[:200])
        elif event == "open":
            if isinstance(args[0], str | bytes) and isinstance(args[2], int) and args[2] & WRITING and not args[2] & NAMELESS:
                self._changed(event, args[0])
        elif event in CHANGES:
            count = CHANGES[event]
            for path, beside in zip(args[:count], args[-count:], strict=True):  # where an argument is a folder's descriptor, it is last
                if isinstance(path, str | bytes | os.PathLike):
                    inside = f"/proc/self/fd/{beside}/" if isinstance(beside, int) and beside > 2 and event != "os.chmod" else ""
                    self._changed(event, os.path.join(inside, os.fsdecode(path)))
        elif event == "exec":
            code = args[0]
            if isinstance(code, CodeType) and not code.co_filename.startswith(INSTALLED) and (
                    self._foreign(code.co_filename) or MARK in repr((code.co_consts, code.co_names))):
                self.seen.append(f"exec {code.co_filename} {code.co_name}")
        elif event == "compile":
            source, name = args[0], args[1]
            text = source.decode("utf-8", "replace") if isinstance(source, bytes) else str(source)
            if self._foreign(str(name)) or MARK in text:
                self.seen.append(f"compile {name} {text[:80]!r}")
        elif event == "import" and self._foreign(str(args[1])):
            self.seen.append(f"import {args[0]} {args[1]}")

    def _foreign(self, path: str) -> bool:
        return path.startswith("/") and os.path.realpath(path).startswith(self.folder)

    def _changed(self, event: str, path: str | bytes | os.PathLike[str]) -> None:
        real = os.path.realpath(os.fsdecode(path))
        if not real.startswith(self.places) and not (event == "open" and os.path.isdir(real)):  # a file without a name
            self.seen.append(f"{event} {real}")


def born(told: dict[str, object]) -> int:
    """The command, in the forked process."""
    log = os.open(str(told["log"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(str(told["folder"]))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS,) * 2)
    signal.alarm(WAIT)
    watch = Watch(Path(str(told["folder"])), told["writes"], told["hosts"])  # type: ignore[arg-type]
    sys.addaudithook(watch)
    from steelyard.cli import main

    code = main([str(word) for word in told["words"]])  # type: ignore[attr-defined]
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(3, json.dumps(watch.seen).encode())
    return code


def main() -> None:
    for name in LOADED:
        importlib.import_module(name)
    platform.processor()  # Python asks `uname` for it, once
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        told, start = json.loads(line), time.monotonic()
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(read)
            os.dup2(write, 3)
            try:
                code = born(told)
            except BaseException:  # noqa: BLE001 - what would end a process of its own ends this one too
                import traceback

                traceback.print_exc()
                sys.stderr.flush()
                code = 1
            os._exit(code)
        os.close(write)
        with os.fdopen(read) as pipe:
            seen = pipe.read()
        _, status, used = os.wait4(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - start, "mib": used.ru_maxrss >> 10,
                          "seen": json.loads(seen) if seen else ["it did not come to its end"]}), flush=True)


if __name__ == "__main__":
    main()
