"""Fetching the files of a public data set, by torchvision's downloader: checked by MD5, with a progress bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from compression_ops.errors import DataError
from compression_ops.progress import Progress, ProgressCallback


@dataclass(frozen=True)
class RemoteFile:
    """A file, its MD5 as published, and the URLs to try in order."""

    name: str
    md5: str
    urls: tuple[str, ...]


def fetch(files: Sequence[RemoteFile], folder: Path, cure: str, progress: ProgressCallback) -> list[Path]:
    """Download the files into `folder`, under a partial name until the MD5 is right, and return their paths.

    What an interrupted earlier call completed is not fetched again. Raises DataError, which ends with `cure`, if no
    URL of a file gives it.
    """
    # A file cut short must never lie under its final name, where it would be taken for data.
    partial = folder / ".partial"
    for done, file in enumerate(files):
        progress(Progress(f"downloading {file.name}", done, len(files)))
        if not (folder / file.name).exists():
            _fetch_one(file, partial, cure)
            (partial / file.name).replace(folder / file.name)
    if partial.exists():
        partial.rmdir()
    progress(Progress("downloaded", len(files), len(files)))
    return [folder / file.name for file in files]


def _fetch_one(file: RemoteFile, folder: Path, cure: str) -> None:
    from torchvision.datasets.utils import download_url

    failures: list[str] = []
    for url in file.urls:
        try:
            download_url(url, folder, file.name, file.md5)
        except (OSError, RuntimeError, HTTPException) as error:
            failures.append(f"{url}: {error}")
        else:
            return
    (folder / file.name).unlink(missing_ok=True)
    raise DataError(f"{file.name} could not be downloaded ({'; '.join(failures)}). {cure}")
