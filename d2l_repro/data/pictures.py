"""Read pictures of any size and kind as images like those of MNIST and Fashion-MNIST."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..language import tr

SIDE = 28  # pixels
MAX_PIXELS = 50_000_000  # of a picture; what claims more would only fill the memory


def read_picture(path: str | Path) -> np.ndarray:
    """Return a picture as the data sets have theirs: gray on black, (28, 28), uint8.

    Transparent parts become white. A picture with a light border is inverted: the data sets are bright on
    black. It is fitted into the square with its proportions kept, and centered on the color of its border.

    Raises:
        InputError: the file cannot be read, is no picture, or has too many pixels.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the check below is stricter
            with Image.open(path) as file:
                if file.width * file.height > MAX_PIXELS:
                    raise ValueError(f"it has {file.width:,} x {file.height:,} pixels")
                gray = _as_gray(ImageOps.exif_transpose(file))
    except FileNotFoundError as error:
        text = tr("{path}: no such file; name a picture, such as a PNG or JPEG file", path=path)
        raise InputError(text) from error
    # Pillow has many ways to fail on damaged files.
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        reason = tr("it is no picture") if isinstance(error, Image.UnidentifiedImageError) else error
        text = tr("{path}: cannot be read ({error}); name a PNG or JPEG file", path=path, error=reason)
        raise InputError(text) from error
    pixels = np.asarray(gray)
    border = int(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])))
    if border > 127:
        gray, border = ImageOps.invert(gray), 255 - border
    return np.asarray(ImageOps.pad(gray, (SIDE, SIDE), Image.BICUBIC, color=border))


def _as_gray(picture: Any) -> Any:
    """Return a picture of Pillow's in gray, over white where it is transparent."""
    from PIL import Image

    if picture.mode.startswith("I"):  # 16 bits, of which Pillow would cut off those above 255
        return picture.convert("F").point(lambda value: value / 257).convert("L")
    colored = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", colored.size, "white"), colored).convert("L")
