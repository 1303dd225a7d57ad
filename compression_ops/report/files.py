"""Reading a finished benchmark report's folder, without torch, onnxruntime or matplotlib."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FRAME, MARKDOWN, PAGE, CONTENT = "report.parquet", "report.md", "report.html", "report.json"


def read_frame(folder: Path) -> "pd.DataFrame":
    """One row a model; the columns are told in `report_table.COLUMNS` and `report_table.LATENCY_COLUMNS`."""
    import pandas as pd

    return pd.read_parquet(folder / FRAME)


def read_markdown(folder: Path) -> str:
    """The report as Markdown, the short table first."""
    return (folder / MARKDOWN).read_text(encoding="utf-8")


def page(folder: Path) -> Path:
    """The self-contained HTML page."""
    return folder / PAGE


def read_content(folder: Path) -> dict[str, Any]:
    """What `report.json` holds: quality, sizes and verdicts of every model, by class too; no latency, no memory."""
    return json.loads((folder / CONTENT).read_text(encoding="utf-8"))
