"""Decoded images on disk, shared by every run and process of this machine."""

from cliqa.cache.maintenance import Contents, Verified, clear, look, verify
from cliqa.cache.place import OFF, VARIABLE, cache_folder
from cliqa.cache.store import Picture, PixelCache

__all__ = [
    "OFF",
    "VARIABLE",
    "Contents",
    "Picture",
    "PixelCache",
    "Verified",
    "cache_folder",
    "clear",
    "look",
    "verify",
]
