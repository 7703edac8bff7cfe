"""Is a gradient right? Central differences, to hold beside one that was derived by hand or by autograd."""
import numpy as np


def central_differences(f, array, h=1e-5):
    """The gradient of f by `array`, found by trying: (f(a + h) - f(a - h)) / 2h for each element a.

    Args:
        f: () -> NDArray of one number, which depends on `array`.
        array: NDArray in double precision, changed in place and left as it was. In single precision rounding would
            be as large as what is looked for.
        h: how far each element is moved. The error grows with h^2 from one side, with rounding / h from the other.

    Returns:
        NumPy array of the shape of `array`.

    Raises:
        ValueError: `array` is not in double precision.
    """
    if array.dtype != np.float64:
        raise ValueError(f"central differences need float64, not {np.dtype(array.dtype).name}")
    values = array.asnumpy()
    gradient = np.zeros_like(values)
    for index in np.ndindex(values.shape):
        sides = []
        for step in (h, -h):
            moved = values.copy()
            moved[index] += step
            array[:] = moved
            sides.append(f().asscalar())
        gradient[index] = (sides[0] - sides[1]) / (2 * h)
    array[:] = values
    return gradient


def relative_error(a, b):
    """Largest difference of two arrays over the largest absolute value in them; 0 where both are 0."""
    scale = max(np.abs(a).max(), np.abs(b).max())
    return float(np.abs(a - b).max() / scale) if scale else 0.0
