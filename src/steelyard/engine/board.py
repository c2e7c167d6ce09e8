"""What TensorBoard is shown, as its protocol buffers: histograms, pictures, tables, hyper-parameters with their metrics."""

from __future__ import annotations

import io
import os
import socket
import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard.engine.disk import Lines

if TYPE_CHECKING:
    from PIL.Image import Image

BINS = 40  # of a histogram
Setting = str | float | bool
_number = count()  # of the files of this process: two may begin within a second


def writer(folder: Path, from_step: int | None = None) -> Any:
    """A SummaryWriter whose events go into `folder` itself; those after `from_step` of an earlier process count no more.

    Its file is written here and now, event by event, and what a full disk has no room for is left out: TensorBoard's own writer
    raises in a thread of its own.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from torch.utils.tensorboard.writer import SummaryWriter

    class Writer(SummaryWriter):
        file_writer: Any
        all_writers: Any

        def _get_file_writer(self) -> Any:
            if self.file_writer is None:
                self.file_writer = _Events(folder)
                self.all_writers = {str(folder): self.file_writer}
            return self.file_writer

    made = Writer(str(folder))
    if from_step is not None:
        from tensorboard.compat.proto.event_pb2 import SessionLog

        made.file_writer.add_event(Event(step=from_step + 1, file_version="brain.Event:2"))
        made.file_writer.add_event(Event(step=from_step + 1, session_log=SessionLog(status=SessionLog.START)))
    return made


class _Events:
    """What SummaryWriter asks of a file of events."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self.folder = folder
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_number)}"
        self.lines = Lines(folder / name, waits=False)
        self.add_event(Event(file_version="brain.Event:2"))

    def get_logdir(self) -> str:
        return str(self.folder)

    def add_event(self, event: Any, step: int | None = None, walltime: float | None = None) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        record = io.BytesIO()
        RecordWriter(record).write(event.SerializeToString())
        self.lines.add(record.getvalue())

    def add_summary(self, summary: Any, global_step: int | None = None, walltime: float | None = None) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self.add_event(Event(summary=summary), global_step, walltime)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self.lines.close()


def histogram(board: Any, tag: str, values: np.ndarray, step: int) -> None:
    """(values,) finite floats as 40 bins of equal width; nothing for none."""
    if not len(values):
        return
    counts, edges = np.histogram(values, bins=BINS)
    board.add_histogram_raw(tag, min=float(values.min()), max=float(values.max()), num=len(values), sum=float(values.sum()),
                            sum_squares=float(values @ values), bucket_limits=edges[1:].tolist(), bucket_counts=counts.tolist(),
                            global_step=step)


def picture(board: Any, tag: str, image: Image, step: int) -> None:
    """A PIL image, as PNG."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    file = io.BytesIO()
    image.save(file, "PNG")
    shown = Summary.Image(height=image.height, width=image.width, colorspace=3, encoded_image_string=file.getvalue())
    board.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=shown)]), step)


def table(board: Any, tag: str, head: Sequence[str], lines: Sequence[Sequence[str]], step: int) -> None:
    """A table in TensorBoard's TEXT tab; what people wrote is text there, never Markdown or HTML."""
    rows = [head, ["---"] * len(head), *([plain(cell) for cell in line] for line in lines)]
    board.add_text(tag, "\n".join("| " + " | ".join(row) + " |" for row in rows), step)


def plain(text: str) -> str:
    """Text that Markdown shows as it stands, on one line."""
    safe = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()#+-.!|>~" else letter for letter in safe)


def begin(board: Any, settings: Mapping[str, Setting], metrics: Sequence[str], started: float) -> None:
    """What the HPARAMS tab needs to know before there is anything to show: every setting, and the tag of every metric to come.

    `add_hparams` of SummaryWriter says the same in a folder of its own, which TensorBoard takes for another run.
    """
    from tensorboard.plugins.hparams.api_pb2 import DataType, Experiment, HParamInfo, MetricInfo, MetricName
    from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG, SESSION_START_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

    kinds = {bool: "DATA_TYPE_BOOL", str: "DATA_TYPE_STRING", int: "DATA_TYPE_FLOAT64", float: "DATA_TYPE_FLOAT64"}
    session = SessionStartInfo(start_time_secs=started)
    for name, value in settings.items():
        field = {"DATA_TYPE_BOOL": "bool_value", "DATA_TYPE_STRING": "string_value"}.get(kinds[type(value)], "number_value")
        setattr(session.hparams[name], field, value)
    experiment = Experiment(
        hparam_infos=[HParamInfo(name=name, type=DataType.Value(kinds[type(value)])) for name, value in settings.items()],
        metric_infos=[MetricInfo(name=MetricName(tag=tag), display_name=tag) for tag in metrics])
    _told(board, EXPERIMENT_TAG, HParamsPluginData(experiment=experiment))
    _told(board, SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=session))


def end(board: Any, success: bool, ended: float) -> None:
    """The HPARAMS tab's word on whether the training ended well."""
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    status = Status.Value("STATUS_SUCCESS" if success else "STATUS_FAILURE")
    _told(board, SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=ended)))


def _told(board: Any, tag: str, content: Any) -> None:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams.metadata import PLUGIN_DATA_VERSION, PLUGIN_NAME

    content.version = PLUGIN_DATA_VERSION
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME, content=content.SerializeToString()))
    board.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, metadata=metadata)]))
