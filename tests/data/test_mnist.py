"""Labelled images: buckets, what makes two idx files wrong, and the real MNIST."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ampviz.data.mnist import idx_images, mnist
from ampviz.errors import DataError
from tests.data.idxfile import digits, write_idx, write_pair

LABELS = np.array([3, 1, 4, 1, 5, 9, 2], np.uint8)


def test_buckets_hold_the_images_in_order_with_a_smaller_last_one(tmp_path):
    images = digits(7)
    dataset = idx_images(*write_pair(tmp_path, images, LABELS), rows=3)
    buckets = [dataset[index] for index in range(len(dataset))]
    assert [len(bucket.fields["label"]) for bucket in buckets] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([bucket.fields["label"] for bucket in buckets]), LABELS)
    pixels = np.concatenate([bucket.fields["image"] for bucket in buckets])
    np.testing.assert_allclose(pixels, images.reshape(7, 6) / 255, rtol=1e-6)
    for bucket in buckets:
        assert bucket.fields.keys() == {"image", "label"}
        assert bucket.fields["image"].dtype == np.float32
        assert bucket.fields["label"].dtype == np.int64
        assert not bucket.state
        assert not bucket.tables


def test_indexing_twice_gives_the_same(tmp_path):
    dataset = idx_images(*write_pair(tmp_path, digits(7), LABELS), rows=4)
    first = dataset[1].fields["image"].copy()
    dataset[1].fields["image"][...] = 0
    np.testing.assert_array_equal(dataset[1].fields["image"], first)


@pytest.mark.parametrize(("dtype", "classes"), [("uint8", 256), ("int8", 128), ("int16", 300), ("int32", 70_000)])
def test_labels_of_any_width_keep_their_value(tmp_path, dtype, classes):
    labels = np.array([0, 1, classes - 1]).astype(dtype)
    dataset = idx_images(*write_pair(tmp_path, digits(3), labels), classes=classes)
    assert dataset[0].fields["label"].tolist() == [0, 1, classes - 1]


@pytest.mark.parametrize(
    ("labels", "classes", "record", "got"),
    [
        (np.array([0, 9, 10, 11], np.uint8), 10, 2, "10"),
        (np.array([0, -1, 2, 3], np.int8), 10, 1, "-1"),
        (np.array([0, 1, 2, 3], np.uint8), 3, 3, "3"),
    ],
)
def test_a_label_out_of_range_names_file_and_record(tmp_path, labels, classes, record, got):
    images, targets = write_pair(tmp_path, digits(4), labels)
    with pytest.raises(DataError, match="out of range") as caught:
        idx_images(images, targets, classes=classes)
    assert caught.value.where == f"{targets}, record {record}"
    assert f"expected 0 to {classes - 1}, got {got}" in str(caught.value)


@pytest.mark.parametrize(
    ("images", "labels", "what", "where"),
    [
        (digits(4), LABELS, "not one label for each image", "labels.gz"),
        (digits(7), LABELS.reshape(7, 1), "not one label for each image", "labels.gz"),
        (digits(0), LABELS[:0], "there are no images", "images"),
        (digits(7).astype(np.int16), LABELS, "not images", "images"),
        (LABELS, LABELS, "not images", "images"),
        (digits(7), LABELS.astype(np.float32) + 0.5, "not labels", "labels.gz"),
        (digits(7), b"\x00\x00\x08", "truncated", "labels.gz"),
        (b"not idx", LABELS, "not an idx file", "images"),
    ],
    ids=["fewer images", "label rank", "none", "wide pixels", "image rank", "fractions", "broken labels", "not idx"],
)
def test_files_that_are_not_labelled_images_are_refused(tmp_path, images, labels, what, where):
    with pytest.raises(DataError, match=what) as caught:
        idx_images(*write_pair(tmp_path, images, labels))
    assert caught.value.where.endswith(where)


@pytest.mark.parametrize("rows", [0, -1])
def test_a_bucket_without_rows_is_refused(tmp_path, rows):
    with pytest.raises(DataError, match="at least one row"):
        idx_images(*write_pair(tmp_path, digits(7), LABELS), rows=rows)


@pytest.mark.parametrize("missing", ["images", "labels.gz"])
def test_a_missing_file_is_named(tmp_path, missing):
    pair = write_pair(tmp_path, digits(7), LABELS)
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match="no such file") as caught:
        idx_images(*pair)
    assert caught.value.where == str(tmp_path / missing)


def test_a_changed_file_is_read_again(tmp_path):
    images, labels = write_pair(tmp_path, digits(7), LABELS)
    assert idx_images(images, labels)[0].fields["label"].tolist() == LABELS.tolist()
    write_idx(images, digits(2))
    write_idx(labels, LABELS[:2])
    assert idx_images(images, labels)[0].fields["label"].tolist() == [3, 1]


def test_the_number_of_classes_is_checked_although_the_files_are_cached(tmp_path):
    pair = write_pair(tmp_path, digits(7), LABELS)
    idx_images(*pair)
    with pytest.raises(DataError, match="out of range"):
        idx_images(*pair, classes=9)


@pytest.mark.parametrize(
    ("split", "count", "histogram"),
    [
        ("train", 60_000, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("valid", 10_000, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_mnist_is_what_was_published(published, split, count, histogram):
    dataset = mnist(split)
    assert len(dataset) == count // 100
    labels = np.concatenate([dataset[index].fields["label"] for index in range(len(dataset))])
    assert np.bincount(labels).tolist() == histogram
    image = dataset[0].fields["image"]
    assert image.shape == (100, 784)
    assert image.min() == 0.0
    assert image.max() == 1.0
    assert dataset[len(dataset) - 1].fields["image"].shape == (100, 784)


def test_a_corrupted_copy_of_mnist_fails_its_checksum(data_folder, monkeypatch, tmp_path):
    folder = tmp_path / "mnist"
    shutil.copytree(data_folder / "mnist", folder)
    broken = folder / "t10k-labels-idx1-ubyte.gz"
    broken.chmod(0o644)
    data = bytearray(broken.read_bytes())
    data[2000] ^= 1
    broken.write_bytes(data)
    monkeypatch.setenv("AMPVIZ_DATA", str(tmp_path))
    with pytest.raises(DataError, match="the checksum is wrong") as caught:
        mnist("valid")
    assert caught.value.where == str(broken)
    broken.write_bytes(data[:-1])
    with pytest.raises(DataError, match="expected 4542 bytes, got 4541"):
        mnist("valid")
