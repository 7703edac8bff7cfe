"""Images with boxes and classes of pixels, from small files in the form of the published ones."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import hashlib
import io
import random
import re
import struct
import tarfile

import mxnet as mx
import numpy as np
import pytest
from matplotlib import patches
from mxnet import image, nd, recordio
from mxnet.gluon import data as gdata
from PIL import Image

from d2l_repro.d2lzh import downloads, vision
from d2l_repro.data import download
from d2l_repro.errors import InputError


@pytest.fixture(autouse=True)
def beside_data(offline, tmp_path, monkeypatch):
    """Run in a folder beside `data`, as the book's programs do."""
    (tmp_path / "book").mkdir()
    monkeypatch.chdir(tmp_path / "book")
    return tmp_path / "data"


# Sections 9.1 to 9.4


def test_section_9_1_shows_images_in_rows():
    imgs = [nd.full((2, 3, 3), i, dtype="uint8") for i in range(6)]
    axes = d2l.show_images(imgs, 2, 3, scale=1.5)
    assert axes.shape == (2, 3)
    assert list(d2l.plt.gcf().get_size_inches()) == [4.5, 3]
    assert [ax.images[0].get_array().max() for ax in axes.flatten()] == list(range(6))
    assert not any(ax.xaxis.get_visible() or ax.yaxis.get_visible() for ax in axes.flatten())
    assert d2l.show_images([np.ones((2, 2))], 1, 1).shape == (1, 1)


def test_section_9_1_augments_images_while_training(fashion, printed_epochs):
    transform = gdata.vision.transforms.Compose(
        [gdata.vision.transforms.RandomFlipLeftRight(), gdata.vision.transforms.ToTensor()]
    )
    batches = gdata.DataLoader(
        gdata.vision.FashionMNIST(train=False).transform_first(transform), 25, shuffle=True
    )
    net = mx.gluon.nn.Dense(10)
    net.initialize(ctx=d2l.try_all_gpus(), init=mx.init.Xavier())
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    d2l.train(batches, batches, net, loss, trainer, d2l.try_all_gpus(), 4)
    losses, _, accuracies = zip(*printed_epochs(d2l.try_all_gpus()))
    assert losses[-1] < losses[0] / 2
    assert accuracies[-1] > 0.9


@pytest.mark.parametrize("bbox", [[60, 45, 378, 516], nd.array([60, 45, 378, 516])])
def test_section_9_3_boxes_become_rectangles(bbox):
    rectangle = d2l.bbox_to_rect(bbox, "blue")
    assert isinstance(rectangle, patches.Rectangle)
    assert [float(number) for number in rectangle.get_bbox().bounds] == [60, 45, 318, 471]
    assert (rectangle.get_fill(), rectangle.get_linewidth()) == (False, 2)


def test_section_9_4_boxes_are_drawn_with_their_labels():
    _, ax = d2l.plt.subplots()
    d2l.show_bboxes(ax, nd.array([[0, 0, 2, 2], [1, 1, 4, 3], [5, 5, 6, 6]]), ["dog", "cat"], ["w", "r"])
    assert [patch.get_edgecolor()[:3] for patch in ax.patches] == [(1, 1, 1), (1, 0, 0), (1, 1, 1)]
    assert [(text.get_text(), text.get_color(), text.get_position()) for text in ax.texts] == [
        ("dog", "k", (0, 0)),
        ("cat", "w", (1, 1)),
    ]
    d2l.show_bboxes(ax, [[0, 0, 1, 1], [2, 2, 3, 3]], "one")
    assert [text.get_text() for text in ax.texts] == ["dog", "cat", "one"]
    assert [patch.get_edgecolor()[:3] for patch in ax.patches[3:]] == [(0, 0, 1), (0, 0.5, 0)]


def test_section_9_4_anchors_are_those_of_mxnet():
    Y = mx.contrib.nd.MultiBoxPrior(nd.zeros((1, 3, 20, 30)), sizes=[0.75, 0.5, 0.25], ratios=[1, 2, 0.5])
    assert Y.shape == (1, 20 * 30 * 5, 4)
    boxes = Y.reshape((20, 30, 5, 4))[10, 15] * nd.array([30, 20, 30, 20])
    _, ax = d2l.plt.subplots()
    d2l.show_bboxes(ax, boxes, ["s=0.75, r=1", "s=0.5, r=1"])
    assert len(ax.patches) == 5


# Section 9.6


def as_png(pixels):
    """Return the content of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def write_records(folder, name, count, side=20):
    """Write images with a yellow box each, in the form of the Pikachu data set."""
    folder.mkdir(parents=True, exist_ok=True)
    records = recordio.MXIndexedRecordIO(str(folder / f"{name}.idx"), str(folder / f"{name}.rec"), "w")
    for i in range(count):
        pixels = np.zeros((side, side, 3), np.uint8)
        pixels[5:15, 5:15] = (255, 255, 0)
        # Two numbers before the objects, five for each: a class, and the corners as shares of the side.
        label = np.array([2, 5, 0, 0.25, 0.25, 0.75, 0.75], np.float32)
        # `recordio.pack` packs arrays with a method that NumPy 2.3 has removed.
        header = struct.pack("IfQQ", len(label), 0, i, 0)
        records.write_idx(i, header + label.tobytes() + as_png(pixels))
    records.close()


def test_section_9_6_loads_images_with_boxes(beside_data):
    write_records(beside_data / "pikachu", "train", 6)
    write_records(beside_data / "pikachu", "val", 4)
    train_iter, val_iter = d2l.load_data_pikachu(batch_size=2, edge_size=16)
    batch = train_iter.next()
    assert batch.data[0].shape == (2, 3, 16, 16)
    assert batch.label[0].shape == (2, 1, 5)
    batch = val_iter.next()
    np.testing.assert_allclose(batch.label[0][1, 0].asnumpy(), [0, 0.25, 0.25, 0.75, 0.75], rtol=1e-6)
    imgs = (batch.data[0].transpose((0, 2, 3, 1))) / 255
    axes = d2l.show_images(imgs, 1, 2).flatten()
    for ax, label in zip(axes, batch.label[0]):
        d2l.show_bboxes(ax, [label[0][1:5] * 16], colors=["w"])
    assert [float(number) for number in axes[0].patches[0].get_bbox().bounds] == [4, 4, 8, 8]


def test_section_9_6_finds_the_files_in_the_users_data_folder(tmp_path, monkeypatch):
    write_records(tmp_path / "own" / "pikachu", "train", 2)
    write_records(tmp_path / "own" / "pikachu", "val", 2)
    monkeypatch.setenv(download.ENVIRONMENT, str(tmp_path / "own"))
    assert d2l.load_data_pikachu(2, 16)[1].next().data[0].shape == (2, 3, 16, 16)


# Section 9.9


@pytest.fixture
def voc_dir(beside_data):
    """Write two images of a box on a background, a large one and a small one, in the form of Pascal VOC."""
    folder = beside_data / "VOCdevkit" / "VOC2012"
    for name in ("ImageSets/Segmentation", "JPEGImages", "SegmentationClass"):
        (folder / name).mkdir(parents=True)
    for name, side in (("large", 12), ("small", 6)):
        classes = np.zeros((side, side + 4, 3), np.uint8)
        classes[: side // 2] = d2l.VOC_COLORMAP[20]
        Image.fromarray(classes).save(folder / "SegmentationClass" / f"{name}.png")
        Image.fromarray(255 - classes).save(folder / "JPEGImages" / f"{name}.jpg", quality=95)
    for part in ("train", "val"):
        (folder / "ImageSets" / "Segmentation" / f"{part}.txt").write_text("large\nsmall\n")
    return str(folder)


def colormap2label():
    table = nd.zeros(256**3)
    for i, (red, green, blue) in enumerate(d2l.VOC_COLORMAP):
        table[(red * 256 + green) * 256 + blue] = i
    return table


def test_section_9_9_classes_have_the_colors_of_pascal_voc():
    assert len(d2l.VOC_CLASSES) == len(d2l.VOC_COLORMAP) == 21
    colors = dict(zip(d2l.VOC_CLASSES, d2l.VOC_COLORMAP))
    assert colors["background"] == [0, 0, 0]
    assert colors["aeroplane"] == [128, 0, 0]
    assert colors["cat"] == [64, 0, 0]
    assert colors["person"] == [192, 128, 128]
    assert colors["tv/monitor"] == [0, 64, 128]


def test_section_9_9_pixels_get_their_classes(voc_dir):
    assert d2l.download_voc_pascal() == "../data/VOCdevkit/VOC2012"  # it is there, so nothing is downloaded
    features, labels = d2l.read_voc_images()
    assert [img.shape for img in features] == [img.shape for img in labels] == [(12, 16, 3), (6, 10, 3)]
    classes = d2l.voc_label_indices(labels[0], colormap2label())
    np.testing.assert_array_equal(classes.asnumpy(), np.repeat([[20], [0]], 6, axis=0).repeat(16, axis=1))


def test_section_9_9_images_and_labels_are_cropped_alike(voc_dir):
    random.seed(0)
    feature = nd.arange(12 * 16 * 3).reshape((12, 16, 3))
    for _ in range(5):
        one, other = d2l.voc_rand_crop(feature, feature, 5, 7)
        assert one.shape == (5, 7, 3)
        np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())
        np.testing.assert_array_equal(one.asnumpy()[1:, :-1] - one.asnumpy()[:-1, 1:], 16 * 3 - 3)


def test_section_9_9_data_set_leaves_small_images_out(voc_dir, capsys):
    voc_train = d2l.VOCSegDataset(True, (8, 10), voc_dir, colormap2label())
    assert capsys.readouterr().out == "read 1 examples\n"
    X, Y = next(iter(gdata.DataLoader(voc_train, 1)))
    assert (len(voc_train), X.shape, Y.shape) == (1, (1, 3, 8, 10), (1, 8, 10))
    assert set(Y.asnumpy().ravel()) == {0, 20}
    # White where the class is the background: (1 - mean) / std of ImageNet's red, green and blue
    white = X.asnumpy()[0, :, -1, 0]
    np.testing.assert_allclose(
        white, [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], atol=0.05
    )


@pytest.mark.parametrize("missing", ["ImageSets/Segmentation/val.txt", "SegmentationClass/large.png"])
def test_section_9_9_names_a_file_that_is_missing(missing, voc_dir, beside_data):
    (beside_data / "VOCdevkit" / "VOC2012" / missing).unlink()
    with pytest.raises(InputError, match=rf"^\.\./data/VOCdevkit/VOC2012/{missing}: no such file; "):
        d2l.read_voc_images(is_train=False)


# Section 9.12


def test_section_9_12_creates_folders(tmp_path):
    for _ in range(2):
        d2l.mkdir_if_not_exist([str(tmp_path), "train_valid", "cat"])
    assert (tmp_path / "train_valid" / "cat").is_dir()
    d2l.mkdir_if_not_exist(str(tmp_path / "test"))
    assert (tmp_path / "test").is_dir()


# Downloads


def sent(monkeypatch, content):
    """Let every download have this content; return the list of the URLs that are asked for."""
    asked = []

    def receive(url, path, max_size):
        asked.append(url)
        if isinstance(content, Exception):
            raise content
        with open(path, "wb") as file:
            file.write(content)

    monkeypatch.setattr(downloads, "receive", receive)
    return asked


def test_download_voc_pascal_extracts_the_archive_once(beside_data, archive_of, monkeypatch):
    content = archive_of({"VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt": b""})
    monkeypatch.setattr(vision, "VOC_SHA1", hashlib.sha1(content).hexdigest())
    asked = sent(monkeypatch, content)
    for _ in range(2):
        assert d2l.download_voc_pascal() == "../data/VOCdevkit/VOC2012"
    assert asked == [vision.VOC_URL]
    assert d2l.read_voc_images() == ([], [])
    assert sorted(path.name for path in beside_data.iterdir()) == ["VOCdevkit"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(OSError("no network"), "no network"), (b"other", "is not the published file"), (None, "evil")],
    ids=["offline", "another file", "a path outside"],
)
def test_downloads_that_fail_say_so_in_one_line_and_leave_nothing(
    content, reason, beside_data, archive_of, monkeypatch
):
    if content is None:
        if not hasattr(tarfile, "data_filter"):
            pytest.skip("this Python extracts only what has the published checksum")
        content = archive_of({"../../evil": b"x"})
        for name in ("VOC_SHA1", "PIKACHU_SHA1"):
            monkeypatch.setattr(vision, name, hashlib.sha1(content).hexdigest())
    sent(monkeypatch, content)
    with pytest.raises(
        InputError, match=r"^\.\./data/VOCdevkit/VOC2012: not found, and the download"
    ) as caught:
        d2l.download_voc_pascal()
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(beside_data.iterdir()) == []
    assert not (beside_data.parent / "evil").exists()


def test_pikachu_that_cannot_be_had_is_named(beside_data, monkeypatch):
    asked = sent(monkeypatch, OSError("no network"))
    with pytest.raises(
        InputError,
        match=rf"^\.\./data/pikachu/train\.rec: not found, .*put it there or in \${download.ENVIRONMENT}",
    ):
        d2l.load_data_pikachu(32)
    assert asked == [f"{vision.PIKACHU_URL}train.rec"]


def test_section_9_9_says_what_to_call_first():
    with pytest.raises(
        InputError, match=r"train\.txt: no such file; call d2l\.download_voc_pascal\(\) first"
    ):
        d2l.read_voc_images()


def test_images_of_section_9_1_are_read_by_mxnet(tmp_path):
    (tmp_path / "cat.png").write_bytes(as_png(np.full((4, 5, 3), 200, np.uint8)))
    img = image.imread(str(tmp_path / "cat.png"))
    assert (img.shape, img.dtype) == ((4, 5, 3), np.uint8)
    d2l.set_figsize()
    assert re.search("AxesImage", str(d2l.plt.imshow(img.asnumpy())))
