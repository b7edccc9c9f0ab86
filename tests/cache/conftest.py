import numpy as np
import pytest

from cliqa.cache import PixelCache


@pytest.fixture
def told():
    return []


@pytest.fixture
def open_cache(tmp_path, told):
    """Opens the cache in `tmp_path`, as another process would, each time."""

    def opened(bound=10**8, folder=tmp_path / "cache"):
        return PixelCache(folder, bound, told.append, smallest=0)

    return opened


@pytest.fixture(scope="session")
def pixels_of():
    """Address and pixels of a number; an address is the number, far from being a hash."""

    def made(number, size=(20, 30)):
        rng = np.random.default_rng(number)
        return f"{number:064x}", rng.integers(0, 256, (*size, 3), dtype=np.uint8)

    return made
