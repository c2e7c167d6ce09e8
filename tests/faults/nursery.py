"""Loads what a training loads, once, and forks a process of its own for every command: a trial then takes seconds, and dies for real.

One JSON object a line on standard input: {"words", "folder", "log", "fault": [folder, call, k, action] or null, "limit", "hook"};
answers {"pid"}, and once the process has ended {"code"} as subprocess has it, with the counted calls where it could still say them.
"""

import ctypes
import importlib
import json
import os
import resource
import sys
from pathlib import Path

LOADED = ("steelyard.cli", "steelyard.engine.job", "steelyard.evidence.quality", "steelyard.evidence.case", "steelyard.verbs.weigh",
          "steelyard.verbs.train", "steelyard.verbs.doctor", "steelyard.report.page", "steelyard.report.card", "sklearn.linear_model",
          "sklearn.feature_extraction.text", "torch.utils.tensorboard.writer", "tensorboard.plugins.hparams.api_pb2", "rich.progress",
          "transformers.modeling_utils", "steelyard.families.mlp", "steelyard.families.bert", "steelyard.tasks.image_classification",
          "steelyard.tasks.text_classification", "pyarrow.parquet", "PIL.Image", "torch._dynamo")


def born(told: dict[str, object]) -> int:
    """The command, in the forked process."""
    log = os.open(str(told["log"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(str(told["folder"]))
    if told.get("limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(str(told["limit"])),) * 2)
    fault = told.get("fault")
    layer = ctypes.CDLL(None) if fault else None
    if layer is not None:
        where, call, k, action = fault  # type: ignore[misc]
        layer.fault_arm(where.encode(), call, ctypes.c_long(k), action)
    if told.get("hook"):
        exec(str(told["hook"]), {"__name__": "hook"})
    from steelyard.cli import main

    code = main([str(word) for word in told["words"]])  # type: ignore[attr-defined]
    if layer is not None:
        counts = [layer.fault_count(call) for call in range(4)]
        layer.fault_arm(b"", -1, ctypes.c_long(0), 0)
        Path(f"{told['log']}.counts").write_text(json.dumps(counts))
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def main() -> None:
    for name in LOADED:
        importlib.import_module(name)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if not pid:
            try:
                code = born(told)
            except BaseException:  # noqa: BLE001 - what would end a process of its own ends this one too
                import traceback

                traceback.print_exc()
                sys.stderr.flush()
                code = 1
            os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)
        print(json.dumps({"code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}), flush=True)


if __name__ == "__main__":
    main()
