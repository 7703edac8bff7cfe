"""Residual nets, and the data of object detection and semantic segmentation (chapters 5, 8 and 9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mxnet import image, nd
from mxnet.gluon import data as gdata
from mxnet.gluon import nn

from ..errors import InputError
from ..language import tr
from . import downloads

__all__ = [
    "VOC_CLASSES",
    "VOC_COLORMAP",
    "Residual",
    "VOCSegDataset",
    "download_voc_pascal",
    "load_data_pikachu",
    "read_voc_images",
    "resnet18",
    "voc_label_indices",
    "voc_rand_crop",
]

# Class k of Pascal VOC is drawn in the k-th color: the bits of k, from the lowest on, become the highest ones
# of red, green and blue in turn.
VOC_CLASSES = [
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train"),
    "tv/monitor",
]
VOC_COLORMAP = [
    [sum((k >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)]
    for k in range(len(VOC_CLASSES))
]
VOC = "VOCdevkit/VOC2012"
VOC_ROOT = f"{downloads.DATA_DIR}/{VOC}"
VOC_URL = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar"
VOC_SHA1 = "4e443f8a2eca6b1dac8a6c57641b67dd40621a49"
RGB_MEAN, RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's images
PIKACHU_URL = "https://apache-mxnet.s3-accelerate.amazonaws.com/gluon/dataset/pikachu/"
PIKACHU_SHA1 = {
    "train.rec": "e6bcb6ffba1ac04ff8a9b1115e650af56ee969c8",
    "train.idx": "dcf7318b2602c06428b9988470c731621716c393",
    "val.rec": "d6c33f799b4d058e82f2cb5bd9a976f69d72d520",
}


class Residual(nn.HybridBlock):
    """Two 3 x 3 convolutions with batch normalization, and a shortcut around them (section 5.11).

    Args:
        num_channels: channels of the output.
        use_1x1conv: whether the shortcut is a 1 x 1 convolution. It has to be where the channels or the size
            change.
        strides: of the first convolution; 2 halves height and width.
        **kwargs: options of gluon.nn.HybridBlock.
    """

    def __init__(self, num_channels: int, use_1x1conv: bool = False, strides: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.conv1 = nn.Conv2D(num_channels, kernel_size=3, padding=1, strides=strides)
        self.conv2 = nn.Conv2D(num_channels, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2D(num_channels, kernel_size=1, strides=strides) if use_1x1conv else None
        self.bn1, self.bn2 = nn.BatchNorm(), nn.BatchNorm()

    def hybrid_forward(self, F: Any, X: Any) -> Any:
        Y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X)))))
        # relu(Y + X): the convolutions only learn what to add to X
        return F.relu(Y + (self.conv3(X) if self.conv3 else X))


def resnet18(num_classes: int) -> nn.HybridSequential:
    """Return a ResNet-18 for small images, as section 8.5 uses it: no pooling comes before the blocks."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(64, kernel_size=3, strides=1, padding=1), nn.BatchNorm(), nn.Activation("relu"))
    for num_channels in (64, 128, 256, 512):
        smaller = num_channels > 64  # each stage but the first halves height and width
        stage = nn.HybridSequential()
        stage.add(Residual(num_channels, smaller, 2 if smaller else 1), Residual(num_channels))
        net.add(stage)
    net.add(nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net


def load_data_pikachu(batch_size: int, edge_size: int = 256) -> tuple[image.ImageDetIter, image.ImageDetIter]:
    """Load the Pikachu data set, as a training set, cropped at random, and a validation set (section 9.6).

    Its three files are searched for in ../data/pikachu and $D2L_REPRO_DATA/pikachu, and then downloaded.

    Args:
        batch_size: images per batch.
        edge_size: pixels of height and width.

    Returns:
        two of mxnet.image.ImageDetIter; a batch's `data[0]` is (batch_size, 3, edge_size, edge_size), and its
        `label[0]` (batch_size, objects, 5), where each object has a class and the corners of its box.

    Raises:
        InputError: a file could not be downloaded.
    """
    train, index, valid = (
        str(downloads.fetch_file(f"pikachu/{name}", PIKACHU_URL + name, sha1))
        for name, sha1 in PIKACHU_SHA1.items()
    )
    shape = (3, edge_size, edge_size)
    cropping = {"rand_crop": 1, "min_object_covered": 0.95, "max_attempts": 200}
    train_iter = image.ImageDetIter(
        batch_size, shape, path_imgrec=train, path_imgidx=index, shuffle=True, **cropping
    )
    return train_iter, image.ImageDetIter(batch_size, shape, path_imgrec=valid, shuffle=False)


def download_voc_pascal(data_dir: str = downloads.DATA_DIR) -> str:
    """Download and extract Pascal VOC 2012, 2 GB, unless `data_dir` or $D2L_REPRO_DATA has it (section 9.9).

    Returns:
        the path of the folder VOCdevkit/VOC2012.

    Raises:
        InputError: it could not be downloaded.
    """
    return str(downloads.fetch_folder(VOC, VOC_URL, VOC_SHA1, data_dir))


def read_voc_images(root: str = VOC_ROOT, is_train: bool = True) -> tuple[list[nd.NDArray], list[nd.NDArray]]:
    """Read the images of Pascal VOC that have a class for each pixel (section 9.9).

    Args:
        root: the folder VOC2012.
        is_train: whether to read the training set or the validation set.

    Returns:
        images and labels, each (height, width, 3), bytes; labels have the colors of `VOC_COLORMAP`.

    Raises:
        InputError: `download_voc_pascal` has not been called, or an image is missing or cannot be read.
    """
    found = (root == VOC_ROOT and downloads.find_path(VOC)) or Path(root)
    names = found / "ImageSets" / "Segmentation" / ("train.txt" if is_train else "val.txt")
    if not names.is_file():
        raise InputError(
            tr(
                "{path}: no such file; call {function} first",
                path=names,
                function="d2l.download_voc_pascal()",
            )
        )
    examples = names.read_text().split()
    images = [_read_image(found / "JPEGImages" / f"{example}.jpg") for example in examples]
    return images, [_read_image(found / "SegmentationClass" / f"{example}.png") for example in examples]


def _read_image(path: Path) -> nd.NDArray:
    if not path.is_file():
        raise InputError(tr("{path}: no such file; extract the archive again", path=path))
    return image.imread(str(path))


def voc_label_indices(colormap: nd.NDArray, colormap2label: nd.NDArray) -> nd.NDArray:
    """Return the classes of pixels (section 9.9).

    Args:
        colormap: colors of the pixels, (height, width, 3).
        colormap2label: (256^3,); the class of a color is at (256 red + green) 256 + blue.

    Returns:
        (height, width).
    """
    places = nd.array([256 * 256, 256, 1], dtype="int32")
    return colormap2label.take((colormap.astype("int32") * places).sum(axis=2))


def voc_rand_crop(
    feature: nd.NDArray, label: nd.NDArray, height: int, width: int
) -> tuple[nd.NDArray, nd.NDArray]:
    """Cut the same random rectangle out of an image and its labels (section 9.9).

    Args:
        feature: image, (height, width, 3).
        label: colors of its classes, in the same shape.
        height: pixels of the rectangle.
        width: pixels of the rectangle.

    Returns:
        both rectangles, (height, width, 3).
    """
    cropped, (left, top, *size) = image.random_crop(feature, (width, height))
    return cropped, image.fixed_crop(label, left, top, *size)


class VOCSegDataset(gdata.Dataset):
    """Cut a rectangle out of each image of Pascal VOC at random; smaller images are left out (section 9.9).

    An example is an image (3, height, width), normalized channel by channel, and the classes of its pixels,
    (height, width). The number of examples is printed.

    Args:
        is_train: whether to read the training set or the validation set.
        crop_size: (height, width) of the rectangles.
        voc_dir: as returned by `download_voc_pascal`.
        colormap2label: as for `voc_label_indices`.

    Raises:
        InputError: as for `read_voc_images`.
    """

    def __init__(self, is_train: bool, crop_size: tuple[int, int], voc_dir: str, colormap2label: nd.NDArray):
        self.rgb_mean, self.rgb_std = nd.array(RGB_MEAN), nd.array(RGB_STD)
        self.crop_size, self.colormap2label = crop_size, colormap2label
        # Normalized when they are used: as floats they would take four times as much memory.
        self.features, self.labels = map(self.filter, read_voc_images(voc_dir, is_train))
        print(f"read {len(self.features)} examples")

    def normalize_image(self, img: nd.NDArray) -> nd.NDArray:
        """Return an image (height, width, 3) with the mean 0 and the standard deviation 1 of ImageNet's."""
        return (img.astype("float32") / 255 - self.rgb_mean) / self.rgb_std

    def filter(self, imgs: Iterable[nd.NDArray]) -> list[nd.NDArray]:
        """Return those images that are at least as high and as wide as the rectangles."""
        height, width = self.crop_size
        return [img for img in imgs if img.shape[0] >= height and img.shape[1] >= width]

    def __getitem__(self, idx: int) -> Sequence[nd.NDArray]:
        feature, label = voc_rand_crop(self.features[idx], self.labels[idx], *self.crop_size)
        feature = self.normalize_image(feature).transpose((2, 0, 1))
        return feature, voc_label_indices(label, self.colormap2label)

    def __len__(self) -> int:
        return len(self.features)
