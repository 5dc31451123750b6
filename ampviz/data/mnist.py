"""MNIST, and any labelled images in idx files of the same layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ampviz.data.cache import cached_arrays, fingerprint
from ampviz.data.dataset import Instance
from ampviz.data.files import locate
from ampviz.data.idx import read_idx
from ampviz.errors import DataError

_STEM = {"train": "train", "valid": "t10k"}


class LabelledImages:
    """Buckets of `rows` images with their labels, in the order of the files; the last bucket may be smaller.

    An instance has `image` (rows, pixels) float32 in 0..1 and `label` (rows,) int64.
    """

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[Any], rows: int):
        self._images, self._labels, self._rows = images.reshape(len(images), -1), labels, rows

    def __len__(self) -> int:
        return -(-len(self._labels) // self._rows)

    def __getitem__(self, index: int) -> Instance:
        rows = slice(index * self._rows, (index + 1) * self._rows)
        image = np.multiply(self._images[rows], np.float32(1 / 255), dtype=np.float32)
        return Instance({"image": image, "label": self._labels[rows].astype(np.int64)})


def idx_images(images: Path, labels: Path, *, rows: int = 100, classes: int = 10) -> LabelledImages:
    """Labelled images of two idx files. Raises DataError for a broken file, unequal counts or a label out of range."""

    def build() -> dict[str, NDArray[Any]]:
        pixels, targets = read_idx(images), read_idx(labels)
        _check(images, pixels, labels, targets, classes)
        return {"images": pixels, "labels": targets}

    if rows < 1:
        raise DataError("a bucket has at least one row", where=str(images), got=rows)
    if not images.is_file() or not labels.is_file():
        missing = labels if images.is_file() else images
        raise DataError("no such file", where=str(missing))
    arrays = cached_arrays("idx", f"{fingerprint(images, labels)}-{classes}", build)
    return LabelledImages(arrays["images"], arrays["labels"], rows)


def mnist(split: Literal["train", "valid"], *, rows: int = 100) -> LabelledImages:
    """The 60,000 training or 10,000 validation digits of MNIST, 784 pixels each, in buckets of `rows`."""
    stem = _STEM[split]
    images, labels = locate(f"mnist/{stem}-images-idx3-ubyte.gz"), locate(f"mnist/{stem}-labels-idx1-ubyte.gz")
    return idx_images(images, labels, rows=rows)


def _check(images: Path, pixels: NDArray[Any], labels: Path, targets: NDArray[Any], classes: int) -> None:
    if pixels.ndim < 2 or pixels.dtype != np.uint8:
        raise DataError("not images", where=str(images), expected="uint8 of rank 2 or more", got=pixels.dtype)
    if targets.shape != (len(pixels),):
        raise DataError("not one label for each image", where=str(labels), expected=(len(pixels),), got=targets.shape)
    if targets.dtype.kind not in "iu":
        raise DataError("not labels", where=str(labels), expected="whole numbers", got=targets.dtype)
    if not len(targets):
        raise DataError("there are no images", where=str(images))
    wrong = np.flatnonzero((targets < 0) | (targets >= classes))
    if len(wrong):
        record = int(wrong[0])
        raise DataError(
            "the label is out of range",
            where=f"{labels}, record {record}",
            expected=f"0 to {classes - 1}",
            got=targets[record],
        )
