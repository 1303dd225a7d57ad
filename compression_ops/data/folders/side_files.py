"""Names that no person gave: what systems, tools and cameras keep beside pictures."""

import re

# Folders of network drives (Synology, QNAP, NetApp), of Windows, macOS and Linux, of archives, notebooks and photo
# managers. Names are compared without regard to case; hidden folders need no entry.
_FOLDERS = frozenset(
    {
        "@eadir", "@tmp", "@recycle", "@recently-snapshot", "@sharesnap", "@__thumb", "#recycle", "#snapshot",
        "~snapshot", "$recycle.bin", "recycler", "recycled", "system volume information", "lost+found", "__macosx",
        "__pycache__", "network trash folder", "temporary items", "thevolumesettingsfolder", "desktop db",
        "desktop df", "thumbs", "thumbnails", "_thumbs", "_thumbnails", "thumbnailcache",
    }
)  # fmt: skip
_FOLDER_PATTERN = re.compile(r"found\.\d{3}|.*\.lrdata|.*\.photoslibrary", re.IGNORECASE)
_FILES = frozenset(
    {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "picasa.ini", "zbthumbnail.info"}
)
# An editor's backup and half a download are no further picture, though they may hold one.
_BACKUPS = (".bak", ".orig", ".old", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".swp", "~")


def is_hidden(name: str) -> bool:
    """Whether a file browser would not show it on Linux or macOS, whose resource forks are `._NAME`."""
    return name.startswith(".")


def is_kept_by_a_system(folder: str) -> bool:
    """Whether a folder of this name holds what a system keeps for itself: thumbnails, snapshots, what was deleted."""
    return folder.casefold() in _FOLDERS or _FOLDER_PATTERN.fullmatch(folder) is not None


def is_written_by_a_system(file: str) -> bool:
    """Whether a file of this name holds what a system knows of the folder: thumbnails, how it is shown."""
    return file.casefold() in _FILES


def is_backup(file: str) -> bool:
    """Whether a file of this name is an earlier or unfinished copy of another."""
    return file.casefold().endswith(_BACKUPS)
